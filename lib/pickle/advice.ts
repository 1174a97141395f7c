import type { PickleSummary } from "./inspect-pickle.js";

/** How to get at the data of a file without trusting it, a sentence or a command each. */
export function adviceFor(format: PickleSummary["format"], verdict: PickleSummary["verdict"]): string[] {
  const torch = format === "torch-zip" || format === "torch-legacy";
  const first = {
    data: "Loading this builds only arrays and collections, as far as its imports go. modelpress still does not load pickles.",
    anything:
      "Loading this runs code that the file alone does not show. Load it only if you trust whoever made it, or where nothing can be lost.",
    unclear: "Not all of this could be looked at: treat it as if loading it ran anything.",
  }[verdict];
  const sandbox =
    "Convert it in a sandbox: a container without network, secrets or anything to write to but its output.";
  return torch
    ? [
        first,
        sandbox,
        `python -c "import torch, safetensors.torch as st; st.save_file(torch.load('FILE', weights_only=True, map_location='cpu'), 'OUT.safetensors')"`,
        "weights_only=True refuses imports beyond those of tensors. Where it refuses, ask for the weights as safetensors rather than turn it off.",
      ]
    : [
        first,
        sandbox,
        "Load it there with the library that wrote it and keep only the arrays: numpy.savez('OUT.npz', **arrays), or safetensors.numpy.save_file(arrays, 'OUT.safetensors').",
        "scikit-learn's models become ONNX with skl2onnx.",
      ];
}
