// How objects go: at once, after their grace period, or when their last finalizer is taken.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apiserver/admission/admission.h"
#include "apiserver/objects/object.h"
#include "apiserver/request/request_context.h"
#include "apiserver/request/write_options.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"

namespace skiff {

class AllocationHooks;

struct Removed {
  const KindInfo* kind;
  // JSON of the object as it is, or was; "" where it is gone and its kind is not shown then.
  std::string text;
  std::string name;
  std::string uid;
  bool gone = false;
  // Nothing happened: it is being deleted already.
  bool pending = false;
};

// The answer to a deletion: on a loop, where it is left to the store (late_write.h).
using AnswerRemoved = std::function<Result<http::Response>(Removed removed)>;

// Thread-safe.
class ObjectRemover {
 public:
  struct Parts {
    Store& store;
    const AdmissionChain& admission;
    const Clock& clock;
    AllocationHooks& allocations;
  };
  explicit ObjectRemover(Parts parts) : parts_(parts) {}

  // `later` not null: the write may be left to the store, and is answered by that.
  Result<Removed> Delete(ApiRequest& request, const std::string& namespace_name,
                         const std::string& name, const DeleteQuery& options,
                         const AnswerRemoved& later = nullptr);
  // Deletes the objects of these records, of the request's kind, in their order and many at once;
  // what is gone already is no error. Ends with the first error: what came before it is deleted,
  // and of what came after it no more than was under way.
  Result<> DeleteAll(ApiRequest& request, const std::vector<RecordPtr>& records,
                     const DeleteQuery& options);

 private:
  struct Decision;
  struct Plan;
  class Batch;
  Result<Decision> Decide(Object& object, const DeleteQuery& options) const;
  // Asks admission, and says what is to become of the object of this record.
  Result<Plan> Prepare(ApiRequest& request, const StoreKeyParts& where, const RecordPtr& record,
                       const DeleteQuery& options) const;
  // What a client is told once the deletion of that record is stored.
  static Result<Removed> Outcome(const Plan& plan, const Record& record, const Written& written);
  bool MayLeave(const ApiRequest& request, const Plan& plan, const Record& record) const;
  Parts parts_;
};

// Fails for an object, or a version of it, that is not the one that is to go.
Result<> CheckPreconditions(const Object& object, const DeleteQuery& options);

// An object of that kind that is deleted without saying how: what becomes of what it owns.
Propagation DefaultPropagation(const KindInfo& kind);

}  // namespace skiff
