#include "apiserver/objects/patched_kind.h"

#include <algorithm>
#include <utility>

#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/patch/patch.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// What a patched document says that it is; fails with what Go's decoder says of it.
Result<TypeMeta> SelfOf(const Json& patched) {
  auto meta = TypeMetaOf(patched);
  if (!meta) {
    return Fail(Reason::kInvalid,
                "couldn't get version/kind; json parse error: " + meta.error().message);
  }
  if (std::count(meta->api_version.begin(), meta->api_version.end(), '/') > 1) {
    return Fail(Reason::kInvalid, "unexpected GroupVersion string: " + meta->api_version);
  }
  return std::move(*meta);
}

// A custom resource has to say what it is, as it is read without knowing.
Result<> CheckSaysWhatItIs(const TypeMeta& self, const std::function<std::string()>& shown) {
  if (self.kind.empty()) {
    const std::string text = shown();
    return Fail(UnfitPatch(text, "Object 'Kind' is missing in '" + text + "'"));
  }
  if (self.api_version.empty()) {
    return Fail(
        InternalErrorOf("Object 'apiVersion' is missing in 'object has no apiVersion field'"));
  }
  return {};
}

}  // namespace

Result<> CheckKindKept(const PatchedKind& wanted, const std::string& name, const Json& patched,
                       const std::function<std::string()>& shown) {
  if (patched.is_array()) {
    return Fail(UnfitPatch(shown(), "couldn't get version/kind; json parse error: " +
                                        TypeMetaOf(patched).error().message));
  }
  if (!patched.is_object()) return {};
  const std::string version = TextAt(patched, "apiVersion");
  const std::string kind = TextAt(patched, "kind");
  if (version == wanted.api_version && kind == wanted.kind) return {};
  const auto self = SelfOf(patched);
  if (!self) return Fail(UnfitPatch(shown(), self.error().message));
  if (wanted.type.ops == nullptr) return CheckSaysWhatItIs(*self, shown);
  const bool same =
      (version.empty() || version == wanted.api_version) && (kind.empty() || kind == wanted.kind);
  if (!same) {
    return Fail(UnfitPatch(shown(), NoKindRegistered({version, kind}, kLegacyScheme)));
  }
  // Without a version, none of the fields is known by its name, that of the object neither, where
  // kinds have a form that is of no version.
  return version.empty() && !wanted.is_alone ? MatchName("", name) : Result<>();
}

}  // namespace skiff
