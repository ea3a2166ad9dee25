// libtensorflow reads TF_CPP_MIN_LOG_LEVEL too late: its own initializers log before ("oneDNN custom operations are on"),
// to standard error. This library sets the level first. It is linked with `-z initfirst`, so the dynamic linker runs its
// constructor before those of libtensorflow, when addresses are already resolved. absl keeps the level in an atomic number
// that needs no initializer.
#include <cstdlib>

// As in absl/log/globals.h of the release that libtensorflow was built with; the wheel brings no headers of absl.
namespace absl {
inline namespace lts_20250814 {
enum class LogSeverityAtLeast : int;
void SetMinLogLevel(LogSeverityAtLeast level);
}  // namespace lts_20250814
}  // namespace absl

__attribute__((constructor)) static void ApplyLogLevel() {
  const char* level = std::getenv("TF_CPP_MIN_LOG_LEVEL");
  if (level == nullptr || level[0] < '0' || level[0] > '3' || level[1] != '\0') return;
  absl::SetMinLogLevel(static_cast<absl::LogSeverityAtLeast>(level[0] - '0'));
}
