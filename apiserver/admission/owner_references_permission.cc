// Who says whose an object is has it deleted when that owner goes, and may keep the owner from
// going: for the one he needs the right to delete the object, for the other a say in its owner.
#include <map>
#include <string_view>

#include "apiserver/admission/plugins.h"
#include "apiserver/kinds/served_kinds.h"

namespace skiff {
namespace {

using meta_v1::OwnerReference;

bool Blocks(const OwnerReference& owner) {
  return owner.block_owner_deletion.value_or(false);
}

std::string Told(const Verdict& verdict) {
  return verdict.reason + ", " + (verdict.error.empty() ? "<nil>" : verdict.error);
}

class OwnerReferencesPermissionEnforcement final : public AdmissionPlugin, public Validates {
 public:
  explicit OwnerReferencesPermissionEnforcement(const AdmissionParts& parts)
      : authorizer_(parts.authorizer), served_(parts.served) {}
  std::string_view name() const override { return "OwnerReferencesPermissionEnforcement"; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.object == nullptr || request.Is("", "pods", "status")) return {};
    const auto& now = request.object->metadata().owner_references;
    std::vector<OwnerReference> before;
    if (request.old_object != nullptr) before = request.old_object->metadata().owner_references;
    if (now == before) return {};
    if (request.operation == Operation::kUpdate) TRY(CheckDelete(request));
    std::map<std::string_view, bool> blocked;
    for (const OwnerReference& old : before) blocked[old.uid] = Blocks(old);
    std::vector<const OwnerReference*> blocking;
    for (const OwnerReference& owner : now) {
      if (Blocks(owner) && !blocked[owner.uid]) blocking.push_back(&owner);
    }
    if (blocking.empty() || MayBlockAny(request)) return {};
    for (const OwnerReference* owner : blocking) TRY(CheckBlocking(request, *owner));
    return {};
  }

 private:
  Result<> CheckDelete(const AdmissionRequest& request) {
    const Verdict verdict =
        authorizer_.Authorize(request.user, {.verb = "delete",
                                             .group = std::string(request.kind.group),
                                             .version = std::string(request.kind.version),
                                             .resource = std::string(request.kind.resource),
                                             .subresource = request.subresource,
                                             .namespace_name = request.namespace_name,
                                             .name = request.name});
    if (verdict.allowed()) return {};
    return Deny(request, "cannot set an ownerRef on a resource you can't delete: " + Told(verdict));
  }

  // Then owners need not be known of either.
  bool MayBlockAny(const AdmissionRequest& request) {
    return authorizer_
        .Authorize(request.user, {.verb = "update",
                                  .group = "*",
                                  .version = "*",
                                  .resource = "*",
                                  .subresource = "finalizers",
                                  .name = "*"})
        .allowed();
  }

  Result<> CheckBlocking(const AdmissionRequest& request, const OwnerReference& owner) {
    const auto served = served_();
    const KindInfo* kind = served->kinds->FindKind(owner.api_version, owner.kind);
    if (kind == nullptr) {
      return Deny(request,
                  "cannot set blockOwnerDeletion in this case because cannot find "
                  "RESTMapping for APIVersion " +
                      owner.api_version + " Kind " + owner.kind + ": no matches for kind \"" +
                      owner.kind + "\" in version \"" + owner.api_version + "\"");
    }
    const Verdict verdict = authorizer_.Authorize(
        request.user, {.verb = "update",
                       .group = std::string(kind->group),
                       .version = std::string(kind->version),
                       .resource = std::string(kind->resource),
                       .subresource = "finalizers",
                       .namespace_name = kind->namespaced ? request.namespace_name : "",
                       .name = owner.name});
    if (verdict.allowed()) return {};
    return Deny(request,
                "cannot set blockOwnerDeletion if an ownerReference refers to a resource "
                "you can't set finalizers on: " +
                    Told(verdict));
  }

  Authorizer& authorizer_;
  const std::function<std::shared_ptr<const Served>()> served_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeOwnerReferencesPermissionEnforcement(
    const AdmissionParts& parts) {
  return std::make_unique<OwnerReferencesPermissionEnforcement>(parts);
}

}  // namespace skiff
