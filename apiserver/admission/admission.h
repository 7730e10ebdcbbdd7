// What looks at every write after it is authorized and before it is stored: plugins that change
// the object, then plugins that refuse it. One plugin a file; their list and order is plugins.cc.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/admission/admission_times.h"
#include "apiserver/admission/sent_body.h"
#include "apiserver/auth/user.h"
#include "apiserver/objects/grounds.h"
#include "apiserver/objects/object.h"
#include "base/error.h"

namespace skiff {

struct ApiRequest;
struct HookTimes;

enum class Operation : uint8_t { kCreate, kUpdate, kDelete, kConnect };
inline constexpr size_t kOperations = 4;

// Of those that users configure to change objects, webhooks or policies: who was asked, by a name
// of its own.
struct AskedBefore {
  std::set<std::string, std::less<>> called;   // May be asked again, once something has changed.
  std::set<std::string, std::less<>> due;      // Are to be asked again.
  std::string last_output;                     // The object as the last of them left it.

  // Something changed after those in `called` had seen the object.
  void RequireCalled() {
    due.merge(called);
    called.clear();
  }
};

// How they are asked again after others changed the object: once at most.
struct Reinvocation {
  bool again = false;   // This is the second time that all plugins are asked.
  bool wanted = false;  // There has to be a second time.
  bool rewritten = false;  // The object is not the one that the request came with, but read anew.
  AskedBefore webhooks = {};
  AskedBefore policies = {};
};

struct AdmissionRequest {
  Operation operation;
  const KindInfo& kind;
  std::string subresource = {};
  std::string namespace_name = {};
  std::string name = {};  // "" while it is to be generated.
  std::string name_in_path = {};  // "" of what is asked of a collection, as to create is by POST.
  const User& user;
  bool dry_run = false;
  // Of create and update: what is about to be stored. Of a subresource that takes another kind
  // (Binding, Eviction, TokenRequest): that body is `body`; of a connection, its options are.
  Object* object = nullptr;
  const Object* old_object = nullptr;  // Of update and delete.
  BodyPointer body = nullptr;
  std::vector<std::string>& warnings;
  // Beside `body`, of a subresource that changes what is there (Scale): what it shows now.
  const Json* old_body = nullptr;
  // CreateOptions, UpdateOptions or DeleteOptions as they hold for this request, a document with
  // kind and apiVersion; nullptr: of a connection, or nobody asked for more than the default.
  const Json* options = nullptr;
  // What the audit log holds beside the request, by annotation key; the first value of a key stays.
  // nullptr: nobody keeps it.
  std::map<std::string, std::string>* annotations = nullptr;
  bool annotates_patches = false;  // Also with what webhooks change.
  // Gets the metav1.Status of whoever refused in words of his own, which no Error can say.
  Json* refusal = nullptr;
  HookTimes* hook_times = nullptr;  // Is added to.
  // Of create: gets what the object was judged by, where that must not change before it is stored.
  Grounds* grounds = nullptr;
  // Gets true when something was booked for the object, which is not to be booked again.
  bool* booked = nullptr;
  // The server's own upkeep: nobody beyond it is asked.
  bool own = false;
  // One of a collection that goes: the name is not shown to who is asked beyond this server.
  bool of_collection = false;
  Reinvocation reinvocation = {};
  // When whoever is asked beyond this server has to have answered, all of them together; also the
  // end of what may be evaluated over and over. max(): never.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  bool Is(std::string_view group, std::string_view resource,
          std::string_view wanted_subresource = "") const {
    return kind.group == group && kind.resource == resource && subresource == wanted_subresource;
  }
};

// One of the two or both is what a plugin does beside being one: whoever does neither of them is
// not asked, nor counted.
class Admits {
 public:
  // May change `request.object`. Asked a second time when a webhook has changed it since.
  virtual Result<> Admit(AdmissionRequest& request) = 0;

 protected:
  ~Admits() = default;
};

class Validates {
 public:
  virtual Result<> Validate(const AdmissionRequest& request) = 0;

 protected:
  ~Validates() = default;
};

class AdmissionPlugin {
 public:
  virtual ~AdmissionPlugin() = default;
  // As --enable-admission-plugins names it.
  virtual std::string_view name() const = 0;
  // It is asked about no other operation, which never changes. A connection has no object: only who
  // says so is asked.
  virtual bool Handles(Operation operation) const { return operation != Operation::kConnect; }
};

// Of the object or the subresource that the request's path names, where that says it all: who asks,
// for what, until when, and who hears of it.
AdmissionRequest AdmissionOf(ApiRequest& request, Operation operation, const KindInfo& kind,
                             std::string subresource = "");

// Puts an annotation down, where somebody keeps them. One whose key is not of the form
// "example.com/name" is left out.
void Annotate(const AdmissionRequest& request, std::string_view key, std::string_view value);

// What a refusal calls the object: by its name, or what is known of that; one of a collection by
// none.
std::string ShownName(const AdmissionRequest& request);

// `pods "x" is forbidden: text`
tl::unexpected<Error> Deny(const AdmissionRequest& request, std::string_view text);

// Of what is decided by objects of which some cannot be read, as kube-apiserver while it has not
// read them all.
tl::unexpected<Error> DenyUnready(const AdmissionRequest& request);

class AdmissionChain {
 public:
  void Add(std::unique_ptr<AdmissionPlugin> plugin);
  // It outlives this; what metrics tell of is counted in any case.
  void TellTo(MetricRegistry& metrics) { times_.TellTo(metrics); }
  Result<> Admit(AdmissionRequest& request) const;
  Result<> Validate(const AdmissionRequest& request) const;

 private:
  Result<> AdmitOnce(AdmissionRequest& request) const;
  Result<> AdmitAll(AdmissionRequest& request) const;
  Result<> ValidateAll(const AdmissionRequest& request) const;

  // By operation, in order: who is asked, and its place among `plugins_`.
  template <typename Asked>
  using Steps = std::array<std::vector<std::pair<Asked*, size_t>>, kOperations>;

  std::vector<std::unique_ptr<AdmissionPlugin>> plugins_;
  Steps<Admits> admitting_;
  Steps<Validates> validating_;
  AdmissionTimes times_;  // By the places of `plugins_`.
};

}  // namespace skiff
