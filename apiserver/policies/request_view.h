// A request as expressions of policies see it: what is admitted, the request and its namespace.
// Made when a policy matches, not before.
#pragma once

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "api/cel/admission_activation.h"
#include "apiserver/admission/request_document.h"
#include "apiserver/identity/caches.h"
#include "apiserver/policies/policy.h"
#include "base/mutex.h"

namespace skiff {

// `request` put as one for `kind`, as far as it is named.
struct RequestView {
  Json object;      // Null: there is none, or it is seen as it lies.
  Json old_object;  // Likewise.
  // Structs that no document is made of; null: there is none. Objects of the request.
  const Object* seen_object = nullptr;
  const Object* seen_old_object = nullptr;
  Json request;
  std::optional<cel::AccessQuestion> resource;  // Where the authorizer is named.

  // What expressions are shown; live as long as the view, which stays where it is.
  cel::Value ObjectValue() const;
  cel::Value OldObjectValue() const;
  // Null: nobody names the authorizer.
  const cel::AccessQuestion* Resource() const { return resource ? &*resource : nullptr; }
};
// Fills an empty view. `sees_structs`: objects of that kind may be shown as they lie.
Result<> FillView(const AdmissionRequest& request, const KindInfo& kind, const NamedInputs& named,
                  bool sees_structs, RequestView& view);
// All as documents.
Result<RequestView> ViewOf(const AdmissionRequest& request, const KindInfo& kind,
                           const NamedInputs& named);

// Of which built-in kinds all that is named can be shown as it lies (IsSeenAsItLies). Thread-safe.
class SeenKinds {
 public:
  bool Has(const KindInfo& kind, const NamedInputs& named) const;

 private:
  mutable std::atomic<const Type*> shown_ = nullptr;  // The last of those that can be shown so.
  mutable Mutex mutex_;
  mutable std::vector<std::pair<const Type*, bool>> known_ GUARDED_BY(mutex_);
};

// The namespace of a request, as expressions see it: looked at once.
class RequestNamespace {
 public:
  // Both outlive it.
  RequestNamespace(Caches& caches, const AdmissionRequest& request)
      : caches_(caches), request_(request) {}
  // 404: it has to be there, whether it is `named` or not.
  Result<> LookAt(bool named);
  // nullptr: the request is of none, or nobody has named it.
  const Json* shown() const { return view_.is_null() ? nullptr : &view_; }

 private:
  Caches& caches_;
  const AdmissionRequest& request_;
  bool looked_ = false, named_ = false;
  Json view_;
};

}  // namespace skiff
