# Puts models to the checker of the package onnx, with its inference of types and shapes.
#   python scripts/python-checker.py MODEL...
# Prints JSON: for each path what the checker found, null where nothing.
import json
import sys

import onnx

found = {}
for path in sys.argv[1:]:
    try:
        onnx.checker.check_model(path, full_check=True)
        found[path] = None
    except Exception as error:
        found[path] = f"{type(error).__name__}: {error}"[:200]
print(json.dumps(found))
