"""Runs exported models with the libraries that they are exported for.

Standard input: a JSON list of {"format", "path", "inputs", "shape"}; inputs is a file of little-endian float32.
Standard output: a JSON list of the models' outputs by name, each a flat list. A Keras model's are its own output and, as
"before_last", what goes into its last layer.

Needs tensorflow, keras and onnxruntime.
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np


def run_saved_model(path, inputs):
    import tensorflow as tf

    signature = tf.saved_model.load(path).signatures["serving_default"]
    return {name: value.numpy() for name, value in signature(inputs=tf.constant(inputs)).items()}


def run_keras(path, inputs):
    import keras

    model = keras.saving.load_model(path, compile=False)
    before_last = keras.Model(model.inputs, model.layers[-1].input)
    return {
        "output": model.predict(inputs, verbose=0),
        "before_last": before_last.predict(inputs, verbose=0),
    }


def run_onnx(path, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"inputs": inputs})))


RUNNERS = {"saved-model": run_saved_model, "keras": run_keras, "onnx": run_onnx}


def main():
    results = []
    for request in json.load(sys.stdin):
        inputs = np.fromfile(request["inputs"], "<f4").reshape(request["shape"])
        outputs = RUNNERS[request["format"]](request["path"], inputs)
        results.append({name: values.ravel().tolist() for name, values in outputs.items()})
    json.dump(results, sys.stdout)


main()
