// JSON patch (RFC 6902) and JSON merge patch (RFC 7386), as Kubernetes' library applies them. The
// third kind is in api/patch/strategic_merge.h, apply in api/patch/apply.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff {

inline constexpr size_t kPatchOperationsMax = 10'000;
// All copies of one patch together may add so many bytes of JSON.
inline constexpr size_t kPatchCopyBytesMax = 3 * 1024 * 1024;
// Items of lists that all operations together may push aside.
inline constexpr size_t kPatchShiftsMax = 100'000'000;
// How often a patch that seems to nest too deeply is measured in full.
inline constexpr int kPatchMeasuresMax = 100;

struct PatchOperation {
  std::string op = {};  // "unknown" where it is not there.
  std::string path = {};
  std::string from = {};
  Json value = {};
  std::string value_text = {};  // As it was sent.
  // What the library says where it needs a path that is not there, or is no text.
  std::string path_error = {};
  std::string from_error = {};
};

struct JsonPatch {
  std::vector<PatchOperation> operations;
  // `json patch unknown field "[0].x"`, `json patch duplicate field ...`.
  std::vector<std::string> strict_errors;
};

// Fails with 400 and Go's text, with 413 for too many operations. `strict`: also what the library
// would pass over is looked for, by another decoder, whose text the error then is.
Result<JsonPatch> ParseJsonPatch(std::string_view text, bool strict = true);
// All or nothing. Fails with Invalid and the library's words, which Kubernetes tells of the patches
// of webhooks and keeps from other clients.
Result<Json> ApplyJsonPatch(const JsonPatch& patch, Json document);

struct MergePatch {
  Json patch;
  std::vector<std::string> strict_errors;  // `duplicate field "a.b"`
};
// Fails with 400 and Go's text; a patch is an object.
Result<MergePatch> ParseMergePatch(std::string_view text);
Json ApplyMergePatch(const Json& patch, Json document);

// `duplicate field "a.b"` for keys that an object of the text repeats, each once however often it
// does, kStrictErrorsMax at most.
std::vector<std::string> FindDuplicates(std::string_view text);

// What a JSON patch goes into, as a document of its paths; a merge patch is that document itself.
Json TouchedBy(const JsonPatch& patch);
// The patched document as Kubernetes quotes it when it does not fit the kind: objects that the
// patch went into have their keys sorted, the others keep the order of the table. A custom resource
// is a map all through, and has all of them sorted.
std::string PatchedText(const Type& type, const Json& touched, const Json& patched);
// A patched document as JSON, where a number that the patch writes with a fraction has one still:
// no field of integers takes 1.0.
void AppendPatchedJson(const Json& patched, std::string& out);
// ` "" is invalid: patch: Invalid value: "{...}": json: cannot unmarshal ...`; 422.
Error UnfitPatch(const std::string& value, const std::string& why);

// A part of an object that is kept as text (RawJson), after a JSON or merge patch: what the patch
// does not go into stays as it was, less the blanks; objects that it goes into have their keys
// sorted. `touched` is the part of TouchedBy, or of the merge patch, and null where there is none;
// `patched` is what the patch makes of it.
std::string PatchedRawText(std::string_view before, const Json* touched, const Json& patched);

}  // namespace skiff
