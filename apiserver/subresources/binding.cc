// pods/binding and the resource bindings: the scheduler's answer, a pod put on a node.
#include <fmt/format.h>

#include <optional>

#include "api/gen/core_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/objects/unstored.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"
#include "apiserver/storage/keys.h"
#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

// Asked of what webhooks made of what was sent.
Result<> Check(const core_v1::Binding& binding, const ApiRequest& request) {
  if (!request.info.name.empty() && binding.metadata.name != request.info.name) {
    return Fail(Reason::kBadRequest, "name in URL does not match name in Binding object");
  }
  std::string wrong;
  if (!binding.target.kind.empty() && binding.target.kind != "Node") {
    wrong = "target.kind: Unsupported value: " + Quoted(binding.target.kind) +
            ": supported values: \"Node\", \"<empty>\"";
  }
  if (binding.target.name.empty()) {
    if (!wrong.empty()) wrong = "[" + wrong + ", target.name: Required value]";
    if (wrong.empty()) wrong = "target.name: Required value";
  }
  if (!wrong.empty()) return Fail(PlainError(wrong));
  return {};
}

Result<core_v1::Binding> BindingOf(ApiRequest& request, const WriteOptions& options) {
  const WantedType wanted{"", "v1", "Binding", &core_v1::Binding::Describe()};
  auto binding = TRY(ReadBody<core_v1::Binding>(request, wanted, options.validation));
  TRY(KeepToNamespace(request.info.namespace_name, binding.metadata));
  // Kubernetes takes the uid for the pod's only below the pod: one that is posted as a resource is
  // a new object, whose uid is not the client's to say.
  if (request.info.subresource.empty()) binding.metadata.uid.clear();
  return binding;
}

Error Refused(const std::string& pod, const std::string& why) {
  return ConflictError({"", "pods/binding"}, pod, why);
}

Result<Object> Assign(const Object& old, const core_v1::Binding& binding, bool dry_run,
                      TimePoint now) {
  Object object = old.Clone();
  core_v1::Pod& pod = *object.As<core_v1::Pod>();
  const std::string& name = pod.metadata.name;
  const meta_v1::ObjectMeta& meta = binding.metadata;
  const std::string kept_at = KeyOf(old.kind(), pod.metadata.namespace_, name);
  const std::string_view key = dry_run ? KeyAboveStore(kept_at) : kept_at;
  if (!meta.uid.empty() && meta.uid != pod.metadata.uid) {
    return Fail(StaleObjectError(GroupResourceOf(old.kind()), name, key,
                                 UidMismatch(meta.uid, pod.metadata.uid)));
  }
  if (!meta.resource_version.empty() && meta.resource_version != pod.metadata.resource_version) {
    return Fail(StaleObjectError(
        GroupResourceOf(old.kind()), name, key,
        fmt::format("Precondition failed: ResourceVersion in precondition: {}, ResourceVersion in "
                    "object meta: {}",
                    meta.resource_version, pod.metadata.resource_version)));
  }
  if (pod.metadata.deletion_timestamp) {
    return Fail(
        Refused(name, fmt::format("pod {} is being deleted, cannot be assigned to a host", name)));
  }
  if (!pod.spec.node_name.empty()) {
    return Fail(Refused(name, fmt::format("pod {} is already assigned to node {}", name,
                                          Quoted(pod.spec.node_name))));
  }
  if (!pod.spec.scheduling_gates.empty()) {
    return Fail(Refused(name, fmt::format("pod {} has non-empty .spec.schedulingGates", name)));
  }
  pod.spec.node_name = binding.target.name;
  for (const auto& [key, value] : binding.metadata.annotations) {
    pod.metadata.annotations[key] = value;
  }
  for (const auto& [key, value] : binding.metadata.labels) pod.metadata.labels[key] = value;
  core_v1::PodCondition* condition = nullptr;
  for (auto& candidate : pod.status.conditions) {
    if (candidate.type == "PodScheduled") condition = &candidate;
  }
  if (condition == nullptr) condition = &pod.status.conditions.emplace_back();
  if (condition->status != "True") condition->last_transition_time = Time(now);
  condition->type = "PodScheduled";
  condition->status = "True";
  condition->reason.clear();
  condition->message.clear();
  pod.status.nominated_node_name.clear();
  return object;
}

// Whoever rules over bindings rules over the resource of that name, and who rules over the bindings
// of pods over the subresource: a request is one or the other.
Result<> AdmitBinding(Core& core, ApiRequest& request, const WriteOptions& options,
                      core_v1::Binding& binding) {
  const std::optional<Json> options_document = MoreThanDefault(options, "CreateOptions");
  AdmissionRequest admission =
      AdmissionOf(request, Operation::kCreate, *request.kind, request.info.subresource);
  admission.name = binding.metadata.name;
  admission.dry_run = options.dry_run;
  admission.options = options_document ? &*options_document : nullptr;
  std::optional<Object> object;
  // Who sent which of its fields nobody sees but in the document.
  const core_v1::Binding sent = binding;
  SentBody body(binding, [&] {
    core_v1::Binding owned = sent;
    TrackUnstored(request, options, {core_v1::Binding::Describe(), "v1", request.info.subresource},
                  &owned);
    binding.metadata.managed_fields = std::move(owned.metadata.managed_fields);
    return ToJson(binding);
  });
  if (request.info.subresource.empty()) {
    object = TRY(Object::FromDocument(*request.kind, body.Document()));
    admission.object = &*object;
  } else {
    admission.body = &body;
  }
  TRY(core.admission.Admit(admission));
  if (object) {
    binding = *object->As<core_v1::Binding>();
  } else if (body.has_document()) {
    binding = TRY(FromJson<core_v1::Binding>(body.Document()));
  }
  TRY(Check(binding, request));
  return core.admission.Validate(admission);
}

}  // namespace

Result<http::Response> HandleBinding(Core& core, ApiRequest& request) {
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "CreateOptions"));
  core_v1::Binding binding = TRY(BindingOf(request, options));
  TRY(AdmitBinding(core, request, options, binding));
  if (binding.metadata.name.empty()) {
    return Fail(Reason::kBadRequest, "Name parameter required.");
  }
  const KindInfo& pods = core_v1::Pod::Info();
  request.kind = &pods;
  const TimePoint now = std::chrono::time_point_cast<std::chrono::seconds>(core.clock.Now());
  UpdateMode mode{.subresource = "binding", .check_version = false};
  mode.prepare = [](Object&, const Object&) {};
  mode.validate = [](const Object&, const Object&, Violations&) {};
  mode.skip_admission = true;
  mode.always_changes = true;  // A pod that has a node gets no other.
  mode.keeps_managed_fields = true;  // The scheduler's choice is nobody's field.
  request.takes_object = request.in_process;  // Nobody is shown its text.
  const AnswerSaved answer = [&request](const Saved&) {
    return SuccessResponse(request.http, 201, Json());
  };
  Saved saved = TRY(core.writer.Update(
      request, binding.metadata.name, options, mode,
      [&](const Object& old) { return Assign(old, binding, options.dry_run, now); }, {},
      request.late != nullptr ? answer : nullptr));
  return answer(std::move(saved));
}

}  // namespace skiff
