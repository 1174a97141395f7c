# Makes of a model all that onnxruntime's own quantizer makes of it, each configuration by itself.
#   python scripts/python-quantizer.py MODEL SAMPLES.safetensors FOLDER
# SAMPLES has a tensor for each input, first dimension = samples. Prints JSON: for each configuration the path of the model, or the
# error that it ended with.
import json
import logging
import sys
from pathlib import Path

import onnx
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
model, samples, folder = sys.argv[1], load_file(sys.argv[2]), Path(sys.argv[3])


class Reader(CalibrationDataReader):
    def __init__(self):
        count = len(next(iter(samples.values())))
        self.rows = iter({name: rows[i : i + 1] for name, rows in samples.items()} for i in range(count))

    def get_next(self):
        return next(self.rows, None)


prepared = str(folder / "prepared.onnx")
quant_pre_process(model, prepared, skip_symbolic_shape=True)


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


def blocks(output):
    quantizer = MatMulNBitsQuantizer(onnx.load(prepared), block_size=32, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(output)


def halves(output):
    onnx.save(convert_float_to_float16(onnx.load(model), keep_io_types=True), output)


CONFIGURATIONS = {
    "dynamic": dynamic,
    "static minmax, per tensor": static(CalibrationMethod.MinMax, False),
    "static minmax, per channel": static(CalibrationMethod.MinMax, True),
    "static entropy, per channel": static(CalibrationMethod.Entropy, True),
    "static percentile, per channel": static(CalibrationMethod.Percentile, True),
    "4-bit weights": blocks,
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
