# Makes of a model all that onnxruntime's own quantizer makes of it, each configuration by itself.
#   python scripts/python-quantizer.py MODEL FOLDER SAMPLES.safetensors...
# SAMPLES have a tensor for each input, with the samples as one more dimension before the others; those of one file have one shape.
# Prints JSON: for each configuration the path of the model, or the error that it ended with.
import json
import logging
import sys
from pathlib import Path

import onnx
import onnx.version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from safetensors.numpy import load_file

logging.disable(logging.WARNING)
model, folder = sys.argv[1], Path(sys.argv[2])
samples = [load_file(path) for path in sys.argv[3:]]


class Reader(CalibrationDataReader):
    def __init__(self):
        self.rows = (
            dict(zip(alike, row)) for alike in samples for row in zip(*alike.values())
        )

    def get_next(self):
        return next(self.rows, None)


def prepare():
    source, output = model, str(folder / "prepared.onnx")
    opened = onnx.load(model)
    # Its scales per channel need opset 13.
    if next(each.version for each in opened.opset_import if each.domain in ("", "ai.onnx")) < 13:
        source = str(folder / "converted.onnx")
        onnx.save(onnx.version_converter.convert_version(opened, 17), source)
    try:
        quant_pre_process(source, output, skip_symbolic_shape=True)
    except Exception:  # Models that it fails on are quantized without it.
        return source
    return output


prepared = prepare()


def static(method, per_channel):
    def make(output):
        quantize_static(
            prepared,
            output,
            Reader(),
            per_channel=per_channel,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=method,
        )

    return make


def dynamic(output):
    # Its ConvInteger takes no other weights.
    quantize_dynamic(prepared, output, weight_type=QuantType.QUInt8)


def blocks(symmetric):
    def make(output):
        quantizer = MatMulNBitsQuantizer(onnx.load(prepared), block_size=32, is_symmetric=symmetric)
        quantizer.process()
        quantizer.model.save_model_to_file(output)

    return make


def halves(output):
    onnx.save(convert_float_to_float16(onnx.load(model), keep_io_types=True), output)


CONFIGURATIONS = {
    "dynamic": dynamic,
    "static minmax, per tensor": static(CalibrationMethod.MinMax, False),
    "static minmax, per channel": static(CalibrationMethod.MinMax, True),
    "static entropy, per channel": static(CalibrationMethod.Entropy, True),
    "static percentile, per channel": static(CalibrationMethod.Percentile, True),
    "4-bit weights": blocks(True),
    "4-bit weights, zero points": blocks(False),
    "float16": halves,
}

found = {}
for index, (name, make) in enumerate(CONFIGURATIONS.items()):
    output = str(folder / f"{index}.onnx")
    try:
        make(output)
        found[name] = {"path": output}
    except Exception as error:  # One that fails must not hide the others.
        found[name] = {"error": f"{type(error).__name__}: {error}"[:200]}
print(json.dumps(found))
