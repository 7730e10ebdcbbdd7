// Says in the status of each ValidatingAdmissionPolicy what its expressions get wrong about the
// kinds that it names. Once for each generation, as kube-controller-manager does.
#include <fmt/format.h>

#include <algorithm>

#include "api/cel/schema_type.h"
#include "api/codec/document.h"
#include "api/declared_types.h"
#include "api/gen/apiextensions_v1.h"
#include "client/reconciler.h"
#include "controllers/machinery/policy_type_check.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

constexpr char kStatusManager[] = "validatingadmissionpolicy-status";

template <typename Matches>
const KindInfo* FindBuiltIn(const Matches& matches) {
  const auto kinds = BuiltInKinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const KindInfo* kind) { return matches(*kind); });
  return found == kinds.end() ? nullptr : *found;
}

class PolicyStatusReconciler final : public Reconciler<ValidatingAdmissionPolicy> {
 public:
  explicit PolicyStatusReconciler(Manager& manager)
      : client_(manager.client().transport(),
                std::string("kube-controller-manager/") + kStatusManager) {}

  Result<Requeue> Reconcile(const ValidatingAdmissionPolicy& policy) override {
    if (policy.metadata.generation <= policy.status.observed_generation) return Requeue::None();
    std::vector<DeclaredKind> kinds;
    for (const NamedResource& resource : ResourcesToCheck(policy.spec)) {
      if (auto kind = TRY(KindOf(resource))) kinds.push_back(std::move(*kind));
    }
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
  // None: nothing is known of it.
  Result<std::optional<DeclaredKind>> KindOf(const NamedResource& named) {
    const KindInfo* built_in = FindBuiltIn([&](const KindInfo& kind) {
      return kind.group == named.group && kind.version == named.version &&
             kind.resource == named.resource;
    });
    // As Go prints a kind: one without a group begins with the slash.
    const auto name = [&](std::string_view kind) {
      return fmt::format("{}/{}, Kind={}", named.group, named.version, kind);
    };
    if (built_in != nullptr) {
      return DeclaredKind{name(built_in->kind), DeclaredType(*built_in->type)};
    }
    if (named.group.empty()) return std::nullopt;
    // Whoever may watch everything may list, too, but not get.
    const JsonList definitions = TRY(client_.List(
        apiextensions_v1::CustomResourceDefinition::Info(),
        {.field_selector = "metadata.name=" + named.resource + "." + named.group}));
    if (definitions.items.empty()) return std::nullopt;
    const Json& definition = definitions.items[0];
    const std::string kind = TextAt(definition, "spec.names.kind");
    for (const Json& version : ListAt(definition, "spec.versions")) {
      if (TextAt(version, "name") != named.version || !IsServed(version)) continue;
      const cel::TypeRef type = CustomType(version, kind);
      if (type) return DeclaredKind{name(kind), type};
    }
    return std::nullopt;
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
    whole->fields["metadata"] = {"metadata", DeclaredType(meta_v1::ObjectMeta::Describe())};
    return whole;
  }

  Result<cel::TypeRef> ParamsType(const ValidatingAdmissionPolicySpec& spec) {
    if (!spec.param_kind) return nullptr;
    const std::string& api_version = spec.param_kind->api_version;
    const std::string& wanted = spec.param_kind->kind;
    const KindInfo* built_in = FindBuiltIn([&](const KindInfo& kind) {
      return kind.api_version == api_version && kind.kind == wanted;
    });
    if (built_in != nullptr) return DeclaredType(*built_in->type);
    const size_t slash = api_version.find('/');
    if (slash == std::string::npos) return nullptr;
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
      const auto kind =
          TRY(KindOf({api_version.substr(0, slash), api_version.substr(slash + 1), name}));
      return kind ? kind->type : nullptr;
    }
    return nullptr;
  }

  Client client_;
};

}  // namespace

void AddValidatingAdmissionPolicyStatus(Manager& manager) {
  ControllerBuilder<ValidatingAdmissionPolicy>(manager, kStatusManager)
      .Workers(1)
      .Complete(std::make_unique<PolicyStatusReconciler>(manager));
}

}  // namespace skiff
