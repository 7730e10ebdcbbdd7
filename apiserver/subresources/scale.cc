// scale: how many replicas, as autoscaling/v1 Scale, of every kind that has replicas.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/columns/tables.h"
#include "api/crd/custom_kind.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/meta_v1.h"
#include "api/kinds/behaviour.h"
#include "api/patch/apply.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/select/selector.h"
#include "apiserver/objects/applied_body.h"
#include "apiserver/objects/patch_type.h"
#include "apiserver/objects/patching.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/objects/unstored.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/object_response.h"
#include "apiserver/subresources/scale_fields.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

using autoscaling_v1::Scale;

Json Member(const Json& object, const char* name) {
  return object.is_object() ? object.value(name, Json()) : Json();
}

std::string SelectorText(const Json& selector) {
  if (!selector.is_object()) return "";
  // A ReplicationController's selector is a plain map of labels.
  if (!selector.contains("matchLabels") && !selector.contains("matchExpressions")) {
    std::map<std::string, std::string> labels;
    for (const auto& [name, value] : selector.items()) {
      if (value.is_string()) labels[name] = value.get<std::string>();
    }
    return LabelSelector::FromMap(labels).Text();
  }
  const auto typed = FromJson<meta_v1::LabelSelector>(selector);
  const auto parsed = typed ? LabelSelector::From(*typed) : Result<LabelSelector>(LabelSelector());
  return parsed ? parsed->Text() : "";
}

// Who looks at a scale, who is about to set its replicas, which may not be there yet, and who has
// set them, of which a webhook that converts may have left nothing.
enum class ScaleUse : uint8_t { kShow, kSet, kWritten };

// What is shown to who patches the scale of an object without replicas, as Kubernetes does; to
// leave it at that is refused.
constexpr int32_t kReplicasUnset = INT32_MIN;

Result<> ReadCustom(const crd::ScalePaths& paths, const Json& document, ScaleUse use,
                    Scale& scale) {
  const auto wanted = crd::IntegerAt(document, paths.replicas);
  if (!wanted) return Fail(PlainError(wanted.error().message));
  if (!*wanted && use == ScaleUse::kShow) {
    return Fail(InternalErrorOf("the spec replicas field \"." + paths.replicas +
                                "\" does not exist"));
  }
  const int32_t unset = use == ScaleUse::kSet ? kReplicasUnset : 0;
  scale.spec.replicas = static_cast<int32_t>(wanted->value_or(unset));
  const auto actual = crd::IntegerAt(document, paths.actual);
  if (!actual) return Fail(PlainError(actual.error().message));
  scale.status.replicas = static_cast<int32_t>(actual->value_or(0));
  if (paths.selector.empty()) return {};
  auto selector = crd::StringAt(document, paths.selector);
  if (!selector) return Fail(PlainError(selector.error().message));
  scale.status.selector = std::move(*selector);
  return {};
}

Result<Scale> ScaleOf(const Object& object, ScaleUse use = ScaleUse::kShow) {
  const Json document = object.ToDocument();
  const meta_v1::ObjectMeta& meta = object.metadata();
  Scale scale;
  scale.metadata.name = meta.name;
  scale.metadata.namespace_ = meta.namespace_;
  scale.metadata.uid = meta.uid;
  scale.metadata.resource_version = meta.resource_version;
  scale.metadata.creation_timestamp = meta.creation_timestamp;
  if (const crd::ScalePaths* paths = object.kind().behaviour->scale) {
    TRY(ReadCustom(*paths, document, use, scale));
    return scale;
  }
  const Json spec = Member(document, "spec");
  const Json replicas = Member(spec, "replicas");
  if (replicas.is_number()) scale.spec.replicas = replicas.get<int32_t>();
  const Json actual = Member(Member(document, "status"), "replicas");
  if (actual.is_number()) scale.status.replicas = actual.get<int32_t>();
  scale.status.selector = SelectorText(Member(spec, "selector"));
  return scale;
}

std::string_view ReplicasPathOf(const KindInfo& kind) {
  const crd::ScalePaths* paths = kind.behaviour->scale;
  return paths == nullptr ? kScaleReplicasPath : std::string_view(paths->replicas);
}

// What was written through versions that are served no more is remembered.
const ReplicasPaths& VersionedPathsOf(const KindInfo& kind) {
  static const ReplicasPaths kBuiltIn = {{"v1", std::string(kScaleReplicasPath)},
                                         {"apps/v1", std::string(kScaleReplicasPath)},
                                         {"apps/v1beta1", std::string(kScaleReplicasPath)},
                                         {"apps/v1beta2", std::string(kScaleReplicasPath)}};
  const crd::ScalePaths* paths = kind.behaviour->scale;
  return paths == nullptr ? kBuiltIn : *paths->replicas_of_versions;
}

Json DocumentOfScale(const Scale& scale) {
  Json document = ToJson(scale);
  document["kind"] = "Scale";
  document["apiVersion"] = "autoscaling/v1";
  return document;
}

// Not a resource of its own, but shown like one.
const KindInfo& ScaleKind() {
  static const KindBehaviour kBehaviour = {.table = &columns::kScaleTable};
  static const KindInfo kKind = {.group = "autoscaling",
                                 .version = "v1",
                                 .api_version = "autoscaling/v1",
                                 .kind = "Scale",
                                 .type = &Scale::Describe(),
                                 .behaviour = &kBehaviour};
  return kKind;
}

// The same with other columns.
const KindInfo& CustomScaleKind() {
  static const KindBehaviour kBehaviour = {.table = &columns::kCustomScaleTable};
  static const KindInfo kKind = [] {
    KindInfo kind = ScaleKind();
    kind.behaviour = &kBehaviour;
    return kind;
  }();
  return kKind;
}

Result<http::Response> ScaleResponse(const Scale& scale, const ApiRequest& request,
                                     const MediaType& media) {
  const bool is_custom = request.kind->behaviour->scale != nullptr;
  const KindInfo& kind = is_custom ? CustomScaleKind() : ScaleKind();
  const std::string& version = scale.metadata.resource_version;
  ObjectBody body = BodyText(kind, DocumentOfScale(scale));
  body.text.insert(body.revision_at, version);
  return ObjectResponse(200, kind, std::move(body.text), request, media);
}

// Nothing but the replicas of a scale is kept, yet all of it has to be right.
Result<> CheckScale(const Scale& scale) {
  Violations wrong;
  const FieldPath metadata("metadata");
  ValidateObjectMeta(scale.metadata, true, NameIsDnsSubdomain, metadata, wrong);
  CheckFinalizerNames(scale.metadata.finalizers, metadata.Child("finalizers"), wrong);
  ValidateNonNegative(scale.spec.replicas, FieldPath("spec").Child("replicas"), wrong);
  if (wrong.empty()) return {};
  return Fail(wrong.ToError("autoscaling", "Scale", scale.metadata.name));
}

// The object is the one that a patch means. Of what is sent as a whole the store sees to that.
Result<> CheckMeant(const Object& old, const Scale& scale) {
  const std::string& uid = old.metadata().uid;
  if (scale.metadata.uid.empty() || scale.metadata.uid == uid) return {};
  const std::string resource = std::string(old.kind().resource) + "/scale";
  return Fail(ConflictError({old.kind().group, resource}, old.metadata().name,
                            fmt::format("Precondition failed: UID in precondition: {}, UID in "
                                        "object meta: {}",
                                        scale.metadata.uid, uid)));
}

// Sets what a dotted path leads to, and makes the objects on the way that are missing. One that is
// null is there, and is none.
Result<> SetAt(Json& document, std::string_view path, int32_t value) {
  Json* at = &document;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    if (!at->is_object()) {
      return Fail(
          PlainError(fmt::format("value cannot be set because .{} is not a "
                                 "map[string]interface{{}}",
                                 path.substr(0, begin - 1))));
    }
    const std::string name(path.substr(begin, end - begin));
    if (!at->contains(name)) (*at)[name] = Json::object();
    at = &(*at)[name];
    begin = end + 1;
  }
  *at = value;
  return {};
}

// The object with the replicas and the preconditions of the scale.
Result<Object> WithScale(const Object& old, const Scale& scale) {
  Json document = old.ToDocument();
  const crd::ScalePaths* paths = old.kind().behaviour->scale;
  if (paths != nullptr && scale.spec.replicas == kReplicasUnset) {
    return Fail(Reason::kBadRequest,
                "the spec replicas field \"." + paths->replicas + "\" cannot be empty");
  }
  TRY(SetAt(document, ReplicasPathOf(old.kind()), scale.spec.replicas));
  document["metadata"]["resourceVersion"] = scale.metadata.resource_version;
  if (!scale.metadata.uid.empty()) document["metadata"]["uid"] = scale.metadata.uid;
  return Object::FromDocument(old.kind(), document);
}

// It is the one that the URL names.
Result<> CheckPlace(const ApiRequest& request, Scale& scale) {
  TRY(MatchName(scale.metadata.name, request.info.name));
  return KeepToNamespace(request.info.namespace_name, scale.metadata);
}

Result<Scale> SentScale(ApiRequest& request, const WriteOptions& options) {
  const WantedType wanted{.group = "autoscaling",
                          .version = "v1",
                          .kind = "Scale",
                          .type = &Scale::Describe(),
                          .is_alone = RuntimeKindOf(*request.kind) != nullptr};
  auto read = ReadBody<Scale>(request, wanted, options.validation);
  // Whatever is wrong with it, beside custom resources the server has no words for that.
  if (!read && wanted.is_alone && read.error().reason == Reason::kBadRequest) {
    return Fail(NothingElseRegistered(wanted));
  }
  auto scale = TRY(std::move(read));
  TRY(CheckPlace(request, scale));
  return scale;
}

// One write of a Scale; made again from whatever object is there when somebody was faster.
struct ScaleWrite {
  ApiRequest& request;
  const WriteOptions& options;
  bool is_patch;
  Scale sent;             // Of a PUT.
  ManagedEntries owners;  // Of the Scale as it is about to be written, each with its time.

  Result<Object> Of(const Object& old);
  Result<Object> Patched(const Object& old) const;
  Result<Object> Applied(const Object& old);
};

void ShowOwners(const Object& object, Json& scale) {
  const auto owners = DecodeManagedFields(object.ToDocument()).value_or(ManagedEntries());
  EncodeManagedFields(ScaleEntries(owners, VersionedPathsOf(object.kind())), scale);
}

Result<Object> ScaleWrite::Of(const Object& old) {
  if (!is_patch) {
    const std::string& uid = sent.metadata.uid;
    const bool is_meant = uid.empty() || uid == old.metadata().uid;
    // What a custom resource is judged by is said by its definition, but what its scale shows now
    // has to be there to be replaced.
    if (old.is_custom()) TRY(ScaleOf(old, ScaleUse::kSet));
    if (is_meant && !old.is_custom()) TRY(CheckScale(sent));
    return WithScale(old, sent);
  }
  return options.is_apply ? Applied(old) : Patched(old);
}

Result<Object> ScaleWrite::Patched(const Object& old) const {
  const Scale shown = TRY(ScaleOf(old, ScaleUse::kSet));
  Scale scale;
  Json document = DocumentOfScale(shown);
  ShowOwners(old, document);
  TRY(PatchInto(request, options,
                {.type = Scale::Describe(),
                 .api_version = "autoscaling/v1",
                 .kind = "Scale",
                 .is_alone = RuntimeKindOf(*request.kind) != nullptr},
                document, &scale));
  TRY(CheckPlace(request, scale));
  // Only a version that the patch itself names is a precondition.
  std::string& version = scale.metadata.resource_version;
  if (version == shown.metadata.resource_version) version.clear();
  if (old.is_custom()) {
    scale.metadata.uid.clear();  // It means nothing there.
    return WithScale(old, scale);
  }
  TRY(CheckScale(scale));
  TRY(CheckMeant(old, scale));
  return WithScale(old, scale);
}

tl::unexpected<Error> NoCustomScale(std::string_view what, std::string_view name) {
  return Fail(PlainError(fmt::format(
      "{} object ({}; autoscaling/v1, Kind=Scale) to proper version: request to convert CR to an "
      "invalid group/version: autoscaling/v1",
      what, name)));
}

bool IsSameButOwners(Json one, Json other) {
  for (Json* scale : {&one, &other}) (*scale)["metadata"].erase("managedFields");
  return one == other;
}

Result<Object> ScaleWrite::Applied(const Object& old) {
  const KindInfo& kind = old.kind();
  const AppliedBody read = TRY(ReadConfiguration(request, ScaleKind()));
  const Json& configuration = read.document;
  const Json document = old.ToDocument();
  auto before_it = DecodeManagedFields(document).value_or(ManagedEntries());
  const Scale before = TRY(ScaleOf(old, ScaleUse::kSet));
  Json live = DocumentOfScale(before);
  ManagedEntries of_scale = ScaleEntries(before_it, VersionedPathsOf(kind));
  // Of custom resources Kubernetes cannot do it either, and says so: at once where nobody owns the
  // replicas, and behind what others own.
  const bool is_custom = kind.behaviour->scale != nullptr;
  if (is_custom && of_scale.empty()) {
    return NoCustomScale("failed to create manager for existing fields: failed to convert live",
                         "/");
  }
  EncodeManagedFields(std::move(of_scale), live);
  auto applied = ApplyConfiguration({.kind = ScaleKind(),
                                     .live = live,
                                     .configuration = configuration,
                                     .writer = {.manager = options.field_manager,
                                                .api_version = ScaleKind().api_version,
                                                .subresource = "scale",
                                                .now = request.now,
                                                .reset = {.paths = {"status"}, .all_but = {}}},
                                     .force = options.force});
  constexpr std::string_view kNotNew = "failed to convert new";
  const bool is_new = applied ? !IsSameButOwners(*applied, live)
                              : applied.error().message.starts_with(kNotNew);
  if (is_custom && is_new) {
    return NoCustomScale(kNotNew, TextAt(configuration, "metadata.namespace") + "/" +
                                      TextAt(configuration, "metadata.name"));
  }
  const Json merged = TRY(std::move(applied));
  TRY(ReportDuplicates(read.duplicates, request, options));
  Scale scale = TRY(FromJson<Scale>(merged));
  TRY(CheckPlace(request, scale));
  // Only a version that the configuration itself names is a precondition; it may name anything.
  const Json named = Member(Member(configuration, "metadata"), "resourceVersion");
  scale.metadata.resource_version = named.is_string() ? named.get<std::string>() : "";
  TRY(CheckScale(scale));
  TRY(CheckMeant(old, scale));
  const Object object = TRY(WithScale(old, scale));
  Json scaled = object.ToDocument();
  owners = TRY(DecodeManagedFields(merged));
  EncodeManagedFields(
      ObjectEntries(std::move(before_it), owners, kind.api_version, VersionedPathsOf(kind)),
      scaled);
  return Object::FromDocument(kind, scaled);
}

// An update of the Scale makes its writer the owner of the object's replicas.
// Returns who owns the Scale then.
Result<ManagedEntries> RecordScaling(std::string manager, TimePoint time, const Object& old,
                                     Object& object) {
  const KindInfo& kind = old.kind();
  const ReplicasPaths& paths = VersionedPathsOf(kind);
  auto owners = DecodeManagedFields(old.ToDocument()).value_or(ManagedEntries());
  const Scale before = TRY(ScaleOf(old, ScaleUse::kSet));
  const Scale now = TRY(ScaleOf(object));
  ManagedEntries of_scale = EntriesAfterUpdate(
      ScaleEntries(owners, paths), {.before = before.spec.replicas, .now = now.spec.replicas},
      std::move(manager), Time(time).Rfc3339());
  Json document = object.ToDocument();
  EncodeManagedFields(ObjectEntries(std::move(owners), of_scale, kind.api_version, paths),
                      document);
  object = TRY(Object::FromDocument(kind, document));
  return of_scale;
}

// As they are seen by clients.
Result<ShownBodies> ShownScales(const Object& object, const Object& old) {
  const Scale now = TRY(ScaleOf(object));
  ShownBodies shown{.now = DocumentOfScale(now), .before = {}};
  // A Scale needs replicas to be shown.
  if (const auto before = ScaleOf(old)) shown.before = DocumentOfScale(*before);
  return shown;
}

Result<http::Response> WriteScale(Core& core, ApiRequest& request, bool is_patch) {
  const MediaType media = TRY(Negotiate(request.http, {}));
  if (is_patch) TRY(CheckPatchType(request));
  const bool is_apply = is_patch && IsApply(request);
  const WriteOptions options =
      TRY(ParseWriteOptions(request.http, is_patch ? "PatchOptions" : "UpdateOptions", is_apply));
  ScaleWrite write{request, options, is_patch, {}, {}};
  if (!is_patch) write.sent = TRY(SentScale(request, options));
  UpdateMode mode{.subresource = "scale", .is_put = true, .is_patch = is_patch};
  mode.keeps_managed_fields = true;  // They are recorded as those of the Scale.
  mode.shown_as = [&](const Object& object, const Object& old) -> Result<ShownBodies> {
    ShownBodies shown = TRY(ShownScales(object, old));
    // A Scale that was sent as a whole is shown as it was sent.
    if (!is_patch) shown.now = DocumentOfScale(write.sent);
    EncodeManagedFields(write.owners, shown.now);
    if (shown.before.is_object()) ShowOwners(old, shown.before);
    return shown;
  };
  mode.judged_as = &ShownScales;
  mode.taken_from = [](const Object& object, const Json& shown) -> Result<Object> {
    const Scale scale = TRY(FromJson<Scale>(shown));
    if (!object.is_custom()) TRY(CheckScale(scale));
    return WithScale(object, scale);
  };
  const auto transform = [&](const Object& old) -> Result<Object> {
    Object object = TRY(write.Of(old));
    if (is_apply) return object;
    const std::string manager = ManagerOf(options, request.http);
    write.owners = TRY(RecordScaling(manager, request.now, old, object));
    return object;
  };
  const Saved saved = TRY(core.writer.Update(request, request.info.name, options, mode, transform));
  const Object now = TRY(Object::FromDocument(*request.kind, TRY(ParseJson(saved.text))));
  const auto shown = ScaleOf(now, ScaleUse::kWritten);
  if (!shown) return Fail(Reason::kBadRequest, shown.error().message);
  return ScaleResponse(*shown, request, media);
}

}  // namespace

Result<http::Response> HandleGetScale(Core& core, ApiRequest& request) {
  const MediaType media = TRY(Negotiate(request.http, {}));
  const KindInfo& kind = *request.kind;
  const auto record = core.store.Get(KeyOf(kind, request.info.namespace_name, request.info.name));
  if (!record && record.error().reason != Reason::kNotFound) return Fail(record.error());
  if (!record) return Fail(NotFoundError(GroupResourceOf(kind), request.info.name));
  const Object object = TRY(ObjectOf(kind, **record));
  const Scale shown = TRY(ScaleOf(object));
  return ScaleResponse(shown, request, media);
}

Result<http::Response> HandlePutScale(Core& core, ApiRequest& request) {
  return WriteScale(core, request, false);
}

Result<http::Response> HandlePatchScale(Core& core, ApiRequest& request) {
  return WriteScale(core, request, true);
}

}  // namespace skiff
