import type { PickleImport } from "./value.js";

/**
 * What an import can do: "data" only builds numbers, arrays, tensors and collections; "anything" runs code that this file
 * alone does not show: that of a library, or a command of whoever made the file.
 */
export type ImportJudgement = "data" | "anything";

const BUILTINS =
  "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple unicode long";
const NUMPY_ARRAYS = "_reconstruct scalar";

/** Imports that torch, numpy and joblib need to load plain tensors, each looked at. By module, then by name. */
const DATA = new Map<string, ReadonlySet<string>>(
  Object.entries({
    builtins: BUILTINS,
    __builtin__: BUILTINS,
    collections: "OrderedDict defaultdict Counter deque",
    copyreg: "_reconstructor",
    copy_reg: "_reconstructor",
    _codecs: "encode",
    datetime: "date datetime time timedelta timezone",
    "numpy.core.multiarray": NUMPY_ARRAYS,
    "numpy._core.multiarray": NUMPY_ARRAYS,
    "numpy.core.numeric": "_frombuffer",
    "numpy._core.numeric": "_frombuffer",
    numpy: "ndarray dtype",
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    torch:
      "Size Tensor device dtype float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 uint16 " +
      "uint32 uint64 short int long bool complex64 complex128 float8_e4m3fn float8_e5m2 strided sparse_coo per_tensor_affine",
    "torch._utils":
      "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state " +
      "_rebuild_qtensor _rebuild_sparse_tensor _rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy",
    "torch._tensor": "_rebuild_from_type_v2",
    "torch.nn.parameter": "Parameter Buffer",
    "torch.storage": "TypedStorage UntypedStorage",
    "torch.serialization": "_get_layout",
  }).map(([module, names]) => [module, new Set(names.split(" "))]),
);
const TORCH_STORAGE = /^[A-Z][A-Za-z0-9]*Storage$/;

export function judgeImport({ module, name }: Pick<PickleImport, "module" | "name">): ImportJudgement {
  if (DATA.get(module)?.has(name)) return "data";
  return module === "torch" && TORCH_STORAGE.test(name) ? "data" : "anything";
}
