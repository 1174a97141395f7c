# Builds the addon without CMake. It lies here because npm would run it by itself from the root of the package.
{
  "variables": {
    "avx2_flags": ["-mavx2", "-mfma", "-mf16c", "-mpopcnt"],
    "avx512_flags": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mf16c", "-mpopcnt"]
  },
  "target_defaults": {
    "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
    "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS_ALL"],
    "cflags": ["-fvisibility=hidden", "-Wno-maybe-uninitialized"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=c++17", "-fexceptions", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "CLANG_CXX_LIBRARY": "libc++",
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "OTHER_CFLAGS": ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
    },
    "msvs_settings": {
      "VCCLCompilerTool": { "ExceptionHandling": 1, "AdditionalOptions": ["/std:c++17", "/fp:precise"] }
    }
  },
  "targets": [
    {
      "target_name": "modelpress",
      "sources": ["<!@(node sources.mjs base)"],
      "conditions": [
        ["target_arch=='x64'", { "dependencies": ["avx2", "avx512"] }],
        ["target_arch=='arm64'", { "sources": ["<!@(node sources.mjs neon)"] }],
        ["OS=='linux'", { "ldflags": ["-Wl,--version-script=<(module_root_dir)/../exports.map", "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now"] }]
      ]
    },
    {
      # Where the package looks for an addon that was built.
      "target_name": "install",
      "type": "none",
      "dependencies": ["modelpress"],
      "copies": [
        { "destination": "<(module_root_dir)/../../build/Release", "files": ["<(PRODUCT_DIR)/modelpress.node"] }
      ]
    }
  ],
  "conditions": [
    [
      "target_arch=='x64'",
      {
        "targets": [
          {
            "target_name": "avx2",
            "type": "static_library",
            "sources": ["<!@(node sources.mjs avx2)"],
            "cflags_cc": ["<@(avx2_flags)"],
            "xcode_settings": { "OTHER_CFLAGS": ["<@(avx2_flags)"] },
            "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX2"] } }
          },
          {
            "target_name": "avx512",
            "type": "static_library",
            "sources": ["<!@(node sources.mjs avx512)"],
            "cflags_cc": ["<@(avx512_flags)"],
            "xcode_settings": { "OTHER_CFLAGS": ["<@(avx512_flags)"] },
            "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX512"] } }
          }
        ]
      }
    ]
  ]
}
