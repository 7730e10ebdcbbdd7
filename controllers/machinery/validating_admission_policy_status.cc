// Says in the status of each ValidatingAdmissionPolicy what its expressions get wrong about the
// kinds that it names. Once for each generation, as kube-controller-manager does.
#include "api/cel/schema_type.h"
#include "api/codec/document.h"
#include "api/declared_types.h"
#include "api/gen/apiextensions_v1.h"
#include "api/text/group_version.h"
#include "client/reconciler.h"
#include "controllers/machinery/policy_type_check.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

constexpr char kStatusManager[] = "validatingadmissionpolicy-status";

class PolicyStatusReconciler final : public Reconciler<ValidatingAdmissionPolicy> {
 public:
  explicit PolicyStatusReconciler(Manager& manager)
      : client_(manager.client().transport(),
                std::string("kube-controller-manager/") + kStatusManager),
        reader_(manager.reader()) {}

  Result<Requeue> Reconcile(const ValidatingAdmissionPolicy& policy) override {
    if (policy.metadata.generation <= policy.status.observed_generation) return Requeue::None();
    const auto kinds_of = [this](const NamedResource& resource) { return KindsOf(resource); };
    const auto kinds = TRY(KindsToCheck(policy.spec, kinds_of));
    const cel::TypeRef params = TRY(ParamsType(policy.spec));
    Json checked = Json::object();
    for (const ExpressionWarning& warning : CheckPolicyTypes(policy.spec, kinds, params)) {
      checked["expressionWarnings"].push_back(ToJson(warning));
    }
    const Json wanted = {{"apiVersion", "admissionregistration.k8s.io/v1"},
                         {"kind", "ValidatingAdmissionPolicy"},
                         {"metadata", {{"name", policy.metadata.name}}},
                         {"status",
                          {{"observedGeneration", policy.metadata.generation},
                           {"typeChecking", std::move(checked)}}}};
    const auto written = client_.Patch(ValidatingAdmissionPolicy::Info(), KeyOf(policy),
                                       PatchType::kApply, wanted, "status");
    // It went meanwhile.
    if (written || written.error().reason == Reason::kNotFound) return Requeue::None();
    return Fail(written.error());
  }

 private:
  // Of custom resources without a group nothing is known: only all definitions would tell.
  Result<std::vector<DeclaredKind>> KindsOf(const NamedResource& named) {
    std::vector<DeclaredKind> kinds;
    for (const KindInfo* kind : BuiltInKinds()) {
      if (kind->version != named.version) continue;
      if (!named.group.empty() && kind->group != named.group) continue;
      if (kind->resource != named.resource && kind->singular != named.resource) continue;
      const std::string name(kind->kind);
      kinds.push_back(
          {std::string(kind->group), named.version, name, DeclaredType(*kind->type, name)});
    }
    if (!kinds.empty() || named.group.empty()) return kinds;
    // Whoever may watch everything may list, too, but not get.
    const JsonList definitions = TRY(
        reader_.List(apiextensions_v1::CustomResourceDefinition::Info(),
                     {.field_selector = "metadata.name=" + named.resource + "." + named.group}));
    for (const Json& definition : definitions.items) {
      const std::string kind = TextAt(definition, "spec.names.kind");
      for (const Json& version : ListAt(definition, "spec.versions")) {
        if (TextAt(version, "name") != named.version || !IsServed(version)) continue;
        kinds.push_back({named.group, named.version, kind, CustomType(version, kind)});
      }
    }
    return kinds;
  }

  static bool IsServed(const Json& version) {
    const Json* served = FindPath(version, "served");
    return served != nullptr && *served == Json(true);
  }

  // As it is published: with the whole metadata that all objects have.
  static cel::TypeRef CustomType(const Json& version, const std::string& kind) {
    const Json* schema = FindPath(version, "schema.openAPIV3Schema");
    if (schema == nullptr) return nullptr;
    const cel::TypeRef type = cel::TypeOfSchema(*schema, kind, /*resource=*/true);
    if (!type || type->kind != cel::TypeKind::kObject) return type;
    auto whole = std::make_shared<cel::Type>(*type);
    whole->fields["metadata"] = {"metadata",
                                 DeclaredType(meta_v1::ObjectMeta::Describe(), kind + ".metadata")};
    return whole;
  }

  Result<cel::TypeRef> ParamsType(const ValidatingAdmissionPolicySpec& spec) {
    if (!spec.param_kind) return nullptr;
    const std::string& api_version = spec.param_kind->api_version;
    const std::string& wanted = spec.param_kind->kind;
    for (const KindInfo* kind : BuiltInKinds()) {
      if (kind->api_version != api_version || kind->kind != wanted) continue;
      return DeclaredType(*kind->type, wanted);
    }
    const std::string group(GroupPart(api_version));
    if (group.empty()) return nullptr;
    const auto resources = client_.GetPath("/apis/" + api_version);
    if (!resources) {
      // Of a group that nobody serves the server says no more than that.
      if (resources.error().http_code == 404) return nullptr;
      return Fail(resources.error());
    }
    // Whoever extends the API may say anything.
    for (const Json& each : ListAt(*resources, "resources")) {
      const std::string name = TextAt(each, "name");
      if (TextAt(each, "kind") != wanted || name.find('/') != name.npos) continue;
      const auto kinds =
          TRY(KindsOf({group, std::string(VersionPart(api_version)), name}));
      return kinds.empty() ? nullptr : kinds[0].type;
    }
    return nullptr;
  }

  Client client_;
  Client& reader_;  // Of definitions, which the account does not read.
};

}  // namespace

void AddValidatingAdmissionPolicyStatus(Manager& manager) {
  ControllerBuilder<ValidatingAdmissionPolicy>(manager, kStatusManager)
      .Workers(1)
      .Complete(std::make_unique<PolicyStatusReconciler>(manager));
}

}  // namespace skiff
