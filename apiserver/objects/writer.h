// How objects come to be and change: the one path of create, update, patch and every subresource
// that writes. Admission, preparation, validation and the compare-and-swap loop are here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/crd/rule_clock.h"
#include "api/violations.h"
#include "apiserver/admission/admission.h"
#include "apiserver/objects/object.h"
#include "apiserver/objects/saved.h"
#include "apiserver/request/request_context.h"
#include "apiserver/request/write_options.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/id.h"

namespace skiff {

class AllocationHooks;

// What of an update is shown in place of the object: a Scale.
struct ShownBodies {
  Json now;
  Json before;  // Null where the old object has none.
};

// How a subresource differs from the main resource.
struct UpdateMode {
  std::string subresource = {};
  // Take the place of the kind's own rules when they are set.
  std::function<void(Object& object, const Object& old)> prepare = {};
  std::function<void(const Object& object, const Object& old, Violations& out)> validate = {};
  // What is shown in place of the object to those who may change it and to those who judge what is
  // about to be stored, and the object with what was made of the first. All or none.
  using Show = std::function<Result<ShownBodies>(const Object& object, const Object& old)>;
  Show shown_as = {};
  Show judged_as = {};
  std::function<Result<Object>(const Object& object, const Json& shown)> taken_from = {};
  bool create_if_missing = false;
  // The resourceVersion of the new object is what the old one must have; off where it came from
  // the old object itself.
  bool check_version = true;
  bool is_put = false;
  bool is_patch = false;  // The new object is the old one but for what was sent.
  // The write is the server's own consequence of a request that was admitted already.
  bool skip_admission = false;
  // The new object always differs from the old one: the transform fails where nothing is to change.
  bool always_changes = false;
  // Server-side apply keeps its own account of managed fields and leaves it in the object.
  bool keeps_managed_fields = false;
};

class ObjectWriter {
 public:
  struct Parts {
    Store& store;
    const AdmissionChain& admission;
    const Clock& clock;
    Random& random;
    AllocationHooks& allocations;
    crd::RuleClock* rule_clock = nullptr;  // Null: how long rules take is not counted.
  };
  explicit ObjectWriter(Parts parts) : parts_(parts) {}

  // `later` not null: the write may be left to the store, and is answered by that.
  Result<Saved> Create(ApiRequest& request, Object object, const WriteOptions& options,
                       const AnswerSaved& later = nullptr);

  // Makes the new object from the old one; runs again when somebody else was faster.
  using Transform = std::function<Result<Object>(const Object& old)>;
  // Makes the object when there is none, where the mode allows it.
  using Make = std::function<Result<Object>()>;
  Result<Saved> Update(ApiRequest& request, const std::string& name, const WriteOptions& options,
                       const UpdateMode& mode, const Transform& transform, const Make& make = {},
                       const AnswerSaved& later = nullptr);

 private:
  struct Attempt;
  Result<> AdmitUpdate(AdmissionRequest& admission, const UpdateMode& mode, Object& object,
                       const Object& old);
  Result<> ValidateUpdate(AdmissionRequest& admission, const UpdateMode& mode,
                          const Object& object, const Object& old);
  // `sent_name`: what the client called it, which is what it is judged as whatever became of that;
  // "" where its name was made.
  Result<Saved> CreateNamed(ApiRequest& request, Object& object, const std::string& sent_name,
                            const WriteOptions& options, Grounds grounds, const AnswerSaved& later);
  // None: somebody was faster, so try again.
  Result<std::optional<Saved>> TryUpdate(ApiRequest& request, const RecordPtr& record,
                                         const WriteOptions& options, const UpdateMode& mode,
                                         const Transform& transform, const AnswerSaved& later);
  struct UpdateTry;
  // Makes of what was sent what would be kept: defaults, managed fields, admission, validation.
  Result<> Judge(ApiRequest& request, const WriteOptions& options, const UpdateMode& mode,
                 UpdateTry& attempt);
  Result<std::optional<Saved>> Put(ApiRequest& request, UpdateTry& attempt, Saved saved,
                                   const AnswerSaved& later);
  // Leaves both as they are.
  Result<> Check(Object& object, Object* old, const UpdateMode& mode,
                 std::vector<std::string>& warnings);
  Parts parts_;
};

}  // namespace skiff
