// How objects go: at once, after their grace period, or when their last finalizer is taken.
#pragma once

#include <string>

#include "apiserver/admission/admission.h"
#include "apiserver/object.h"
#include "apiserver/request_context.h"
#include "apiserver/storage/store.h"
#include "apiserver/write_options.h"
#include "base/clock.h"

namespace skiff {

class AllocationHooks;

struct Removed {
  const KindInfo* kind;
  std::string text;  // JSON of the object as it is, or was.
  std::string name;
  std::string uid;
  bool gone = false;
  // Nothing happened: it is being deleted already.
  bool pending = false;
};

class ObjectRemover {
 public:
  struct Parts {
    Store& store;
    const AdmissionChain& admission;
    const Clock& clock;
    AllocationHooks& allocations;
  };
  explicit ObjectRemover(Parts parts) : parts_(parts) {}

  Result<Removed> Delete(ApiRequest& request, const std::string& namespace_name,
                         const std::string& name, const DeleteQuery& options);

 private:
  struct Decision;
  Result<Decision> Decide(Object& object, const DeleteQuery& options) const;
  // `before` is the object of the record, `object` what the decision made of it.
  Result<Removed> Perform(ApiRequest& request, const RecordPtr& record, const Object& before,
                          Object object, const Decision& decision, bool dry_run);
  Parts parts_;
};

// An object of that kind that is deleted without saying how: what becomes of what it owns.
Propagation DefaultPropagation(const KindInfo& kind);

}  // namespace skiff
