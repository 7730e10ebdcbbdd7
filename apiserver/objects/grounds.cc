#include "apiserver/objects/grounds.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/document.h"
#include "api/crd/custom_kind.h"
#include "api/gen/apiextensions_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// So often what a new object stands on may change under it, without going, before it is given up.
constexpr int kGroundTriesMax = 64;

const KindInfo& Definitions() {
  return apiextensions_v1::CustomResourceDefinition::Info();
}

// Whether the definition knows of objects in the version that this kind keeps them in. Else it may
// lose that version whenever somebody likes, and nobody could read them any more.
bool KeepsVersion(const Record& definition, const crd::CustomKind& kind) {
  const auto view = ObjectView::Of(definition);
  const auto cut = view.and_then([](const auto& it) { return crd::CutDefinition(it.body()); });
  if (!cut) return false;
  const std::string_view kept = kind.stored_version;
  return std::ranges::any_of(ListAt(cut->document, "status.storedVersions"), [&](const Json& each) {
    return each.is_string() && each == kept.substr(kept.rfind('/') + 1);
  });
}

Result<> CheckDefinition(const Object& object, const Record* now) {
  const KindInfo& kind = object.kind();
  const crd::CustomKind& custom = *RuntimeKindOf(kind)->custom;
  // Another one of that name may have another scope.
  if (now == nullptr || now->created.value > *custom.defined_at) {
    return Fail(UnknownResourceError());
  }
  if (IsTerminating(Definitions(), *now)) {
    return Fail(Forbidden(GroupResourceOf(kind), object.metadata().name,
                          "create not allowed while custom resource definition is terminating"));
  }
  if (KeepsVersion(*now, custom)) return {};
  return Fail(ConflictError(GroupResourceOf(kind), object.metadata().name,
                            "the stored version of its definition has changed; please try again"));
}

}  // namespace

std::optional<std::string> DefinitionKeyOf(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  if (runtime == nullptr || runtime->custom == nullptr) return std::nullopt;
  return KeyOf(Definitions(), "", fmt::format("{}.{}", kind.resource, kind.group));
}

void AddDefinition(const Object& object, Grounds& grounds) {
  auto key = DefinitionKeyOf(object.kind());
  if (!key) return;
  grounds.push_back({.key = *std::move(key),
                     .modified = Revision{*RuntimeKindOf(object.kind())->custom->defined_at},
                     .check = &CheckDefinition});
}

bool IsTerminating(const KindInfo& kind, const Record& record) {
  // Hardly any is, and only those are read further.
  const auto view = ObjectView::Of(record);
  if (!view || view->body().find("\"deletionTimestamp\"") == std::string_view::npos) return false;
  const auto object = ObjectOf(kind, record);
  return object && object->metadata().deletion_timestamp;
}

Result<Written> PutOn(Store& store, Grounds& grounds, const Object& object, const PutNew& put) {
  for (int tries = 0;; ++tries) {
    std::vector<Unchanged> relies_on;
    relies_on.reserve(grounds.size());
    for (const Ground& ground : grounds) relies_on.push_back({ground.key, ground.modified});
    auto written = put(std::move(relies_on));
    if (written || written.error().reason != Reason::kConflict) return written;
    if (tries + 1 == kGroundTriesMax) return written;
    for (Ground& ground : grounds) {
      const auto record = store.Get(ground.key);
      if (!record && record.error().reason != Reason::kNotFound) return Fail(record.error());
      TRY(ground.check(object, record ? record->get() : nullptr));
      ground.modified = (*record)->modified;
    }
  }
}

}  // namespace skiff
