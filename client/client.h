// The API as typed calls. Each is one request, blocking until its answer is there; none retries.
//
//   const auto deployment = TRY(client.Get<apps_v1::Deployment>({"default", "web"}));
//   TRY(client.Patch(*deployment, [](auto& it) { it.spec.replicas = 3; }));
//
// Errors are the server's own: Reason, message, causes, details, http_code.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/codec/handed.h"
#include "api/codec/struct_text.h"
#include "api/codec/typed.h"
#include "api/gen/meta_v1.h"
#include "client/mailbox.h"
#include "client/resource.h"
#include "client/watch_stream.h"

namespace skiff {

class Transport;
namespace core_v1 {
struct Pod;
}

// Objects are shared and nobody edits them: copy to change.
template <typename K>
using Ptr = std::shared_ptr<const K>;

// The API server has types of these names for the other end of a request. One program links both,
// so they need names of their own for the linker.
inline namespace client_side {

struct ListOptions {
  std::string namespace_;  // "": all
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;
  int64_t limit = 0;  // Per page.
  std::string continue_;
  bool metadata_only = false;  // As PartialObjectMetadata.
};

struct JsonList {
  std::vector<Json> items;  // Each with apiVersion and kind.
  std::string resource_version;
  std::string continue_;
};

// A list whose items stay text, for those who know as what to read them. Lists leave out of their
// items what all share: apiVersion and kind.
struct TextList {
  std::vector<RawJson> items;
  std::string resource_version;
  std::string continue_;
};

struct WatchOptions {
  std::string namespace_;
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;  // Events after it; "" starts with the objects that exist.
  int timeout_s = 0;             // 0: the server's.
  bool metadata_only = false;
  bool takes_structs = false;  // From a server in this process (WatchEvent::handed).
};

struct DeleteOptions {
  std::optional<int64_t> grace_period_s;
  std::string propagation;       // "Background", "Foreground", "Orphan"; "": the server's default
  std::string uid;               // Preconditions: Conflict when it is another object ...
  std::string resource_version;  // ... or another version of it.
};

struct PatchOptions {
  // Conflict when the object is no longer the version that the patch was made from. For lists that
  // others write too: a merge patch replaces a list as a whole.
  bool if_unchanged = false;
};

}  // namespace client_side

enum class PatchType { kMerge, kStrategic, kJson, kApply };
// "application/merge-patch+json", ...
std::string_view ContentType(PatchType type);

// A server in the same process is handed the structs themselves, and hands back what it made of
// them (decision 0067). Thread-safe, cheap to make.
class Client {
 public:
  // `user_agent` also names the field manager: "kube-controller-manager/deployment-controller".
  Client(Transport& transport, std::string user_agent)
      : transport_(transport), user_agent_(std::move(user_agent)) {}
  Transport& transport() const { return transport_; }

  // Documents. Built-in kinds convert to Resource: client.Get(core_v1::Pod::Info(), key).
  Result<Json> Get(const Resource& resource, const ObjectKey& key,
                   const std::string& subresource = "");
  // One page; with `limit` 0, all.
  Result<JsonList> List(const Resource& resource, const ListOptions& options);
  Result<TextList> ListText(const Resource& resource, const ListOptions& options);
  Result<Json> Create(const Resource& resource, const ObjectKey& key, const Json& object,
                      const std::string& subresource = "");
  // PUT under the name in `object`'s metadata.
  Result<Json> Update(const Resource& resource, const Json& object,
                      const std::string& subresource = "");
  Result<Json> Patch(const Resource& resource, const ObjectKey& key, PatchType type,
                     const Json& patch, const std::string& subresource = "");
  // The object as it was, or a Status.
  Result<Json> Delete(const Resource& resource, const ObjectKey& key,
                      const DeleteOptions& options = {});
  Result<Json> DeleteCollection(const Resource& resource, const ListOptions& which,
                                const DeleteOptions& options = {});
  Result<std::unique_ptr<WatchStream>> Watch(const Resource& resource, const WatchOptions& options);
  // Like Get and List but of metadata alone; kind and apiVersion are PartialObjectMetadata's.
  Result<Json> GetMetadata(const Resource& resource, const ObjectKey& key);
  // Any path that answers a document: discovery, /version.
  Result<Json> GetPath(const std::string& path);

  // Typed forms of the same.
  template <Kind K>
  Result<Ptr<K>> Get(const ObjectKey& key) {
    return Decode<K>(Ask("GET", TRY(Resource(K::Info()).Path(key)), {}));
  }
  template <Kind K>
  Result<std::vector<Ptr<K>>> List(const ListOptions& options = {});
  template <Kind K>
  Result<Ptr<K>> Create(const K& object) {
    const std::string path =
        TRY(Resource(K::Info()).CollectionPath(object.metadata.namespace_));
    return Decode<K>(Ask("POST", path, {}, Given(object)));
  }
  // Creates `child` in the owner's namespace with a controller reference to `owner`.
  template <Kind Owner, Kind K>
  Result<Ptr<K>> CreateOwned(const Owner& owner, K child);
  // Conflict when `object` is not the newest version (unless it has no resourceVersion).
  template <Kind K>
  Result<Ptr<K>> Update(const K& object) {
    const std::string path = TRY(Resource(K::Info()).Path(KeyOf(object)));
    return Decode<K>(Ask("PUT", path, {}, Given(object)));
  }
  template <Kind K>
  Result<Ptr<K>> UpdateStatus(const K& object) {
    const std::string path = TRY(Resource(K::Info()).Path(KeyOf(object), "status"));
    return Decode<K>(Ask("PUT", path, {}, Given(object)));
  }
  // Sends what `change(K&)` changes as a merge patch; sends nothing when that is nothing. NotFound
  // or Invalid when the object has another uid by now. `base` is as it was read: what else was
  // changed in it may come along.
  template <Kind K, typename Change>
  Result<Ptr<K>> Patch(const K& base, Change change, const PatchOptions& options = {}) {
    return PatchWith(base, change, options, "");
  }
  template <Kind K, typename Change>
  Result<Ptr<K>> PatchStatus(const K& base, Change change, const PatchOptions& options = {}) {
    return PatchWith(base, change, options, "status");
  }
  // A patch that makes `changed` of `base`, and something that is as near to it as may be of an
  // object that is not what `base` is any more.
  template <Kind K>
  Result<Ptr<K>> PatchStatus(const K& base, const K& changed, PatchType type,
                             HandedPatch::MakeText patch) {
    return Decode<K>(SendPatch(K::Info(), KeyOf(base), type,
                               {K::Describe(), Borrowed(&changed),
                                base.metadata.resource_version, std::move(patch)},
                               "status"));
  }
  template <Kind K>
  Result<> Delete(const K& object, DeleteOptions options = {});
  template <Kind K>
  Result<> Delete(const ObjectKey& key, const DeleteOptions& options = {}) {
    return Remove(K::Info(), key, options);
  }

  // Assigns a pod to a node.
  Result<> Bind(const core_v1::Pod& pod, const std::string& node);

  // The same without waiting: `then` is called once, by the mailbox. What is given is kept until
  // then.
  template <typename T>
  using Then = std::function<void(Result<T> outcome)>;
  template <Kind K>
  void CreateLater(Mailbox& answers, const Ptr<K>& object, Then<Ptr<K>> then) {
    AskLater<K>(answers, "POST", Resource(K::Info()).CollectionPath(object->metadata.namespace_),
                Given(object), std::move(then));
  }
  template <Kind K>
  void UpdateLater(Mailbox& answers, const Ptr<K>& object, Then<Ptr<K>> then) {
    AskLater<K>(answers, "PUT", Resource(K::Info()).Path(KeyOf(*object)), Given(object),
                std::move(then));
  }
  // A patch that makes that status of the one of `base`: of the rest nobody makes a copy.
  template <Kind K>
  void PatchStatusLater(Mailbox& answers, const K& base,
                        std::shared_ptr<const decltype(K::status)> status, PatchType type,
                        HandedPatch::MakeText patch, Then<Ptr<K>> then) {
    using Status = decltype(K::status);
    const HandedPatch::Member changed{
        Status::Describe(), std::move(status), [](void* object, void* value) {
          static_cast<K*>(object)->status = std::move(*static_cast<Status*>(value));
        }};
    AskLater<K>(
        answers, "PATCH", Resource(K::Info()).Path(KeyOf(base), "status"),
        Given(type, {K::Describe(), changed, base.metadata.resource_version, std::move(patch)}),
        std::move(then));
  }
  void PatchLater(Mailbox& answers, const Resource& resource, const ObjectKey& key,
                  PatchType type, const Json& patch, Then<void> then);
  // As Patch and PatchStatus: what `change` changes; told at once where that is nothing.
  template <Kind K, typename Change>
  void PatchLater(Mailbox& answers, const Ptr<K>& base, Change change, const PatchOptions& options,
                  Then<Ptr<K>> then) {
    PatchWithLater(answers, base, change, options, "", std::move(then));
  }
  template <Kind K, typename Change>
  void PatchStatusLater(Mailbox& answers, const Ptr<K>& base, Change change,
                        const PatchOptions& options, Then<Ptr<K>> then) {
    PatchWithLater(answers, base, change, options, "status", std::move(then));
  }
  template <Kind K>
  void DeleteLater(Mailbox& answers, const ObjectKey& key, const DeleteOptions& options,
                   Then<void> then) {
    DeleteLater(answers, K::Info(), key, options, std::move(then));
  }
  void DeleteLater(Mailbox& answers, const Resource& resource, const ObjectKey& key,
                   const DeleteOptions& options, Then<void> then);
  void BindLater(Mailbox& answers, const core_v1::Pod& pod, const std::string& node,
                 Then<void> then);
  // Whether what is sent so is done by others: else many requests at once take many threads.
  bool SendsLater() const;

  // Deletes through the eviction subresource: TooManyRequests while a budget forbids it.
  Result<> Evict(const ObjectKey& pod, const DeleteOptions& options = {});

 private:
  // What goes with a request beside its address: JSON, unless it says otherwise.
  struct Sent {
    std::optional<std::string> body;
    std::shared_ptr<const Handed> handed;  // In place of `body`.
    std::string content_type;
    std::string accept;
    bool takes_object = false;  // May be handed the answer's object.
    Sent();
    Sent(std::string text);  // NOLINT: a body is all that most send.
  };
  using Query = std::vector<std::pair<std::string, std::string>>;
  // The answer, whose object is text or is handed.
  struct Answer {
    std::string text;
    std::shared_ptr<const Handed> handed;
  };
  Result<Answer> Ask(const std::string& method, const std::string& path, Query query,
                     Sent sent = Sent());
  // The text of the answer.
  Result<std::string> Send(const std::string& method, const std::string& path, Query query,
                           Sent sent = Sent());
  Result<Json> SendJson(const std::string& method, const std::string& path, Query query,
                        Sent sent = Sent());
  Result<> Remove(const Resource& resource, const ObjectKey& key, const DeleteOptions& options);
  http::Request RequestOf(const std::string& method, const std::string& path, Query query,
                          Sent sent) const;
  static Result<Answer> AnswerOf(http::Response response);
  // Fails by `then` where there is no path.
  void SendLater(Mailbox& answers, const std::string& method, const Result<std::string>& path,
                 Sent sent, Then<Answer> then);
  template <Kind K>
  void AskLater(Mailbox& answers, const std::string& method, const Result<std::string>& path,
                Sent sent, Then<Ptr<K>> then) {
    SendLater(answers, method, path, std::move(sent),
              [then = std::move(then)](Result<Answer> answer) { then(Decode<K>(answer)); });
  }
  Result<Answer> SendPatch(const Resource& resource, const ObjectKey& key, PatchType type,
                           HandedPatch patch, const std::string& subresource);
  // `object` is there until the answer is.
  template <ApiType T>
  static Sent Given(const T& object) {
    Sent sent;
    sent.handed = std::make_shared<HandedObject>(T::Describe(), Borrowed(&object));
    sent.takes_object = true;
    return sent;
  }
  template <ApiType T>
  static Sent Given(const std::shared_ptr<const T>& object) {
    Sent sent;
    sent.handed = std::make_shared<HandedObject>(T::Describe(), object);
    sent.takes_object = true;
    return sent;
  }
  static Sent Given(PatchType type, HandedPatch patch);
  template <Kind K>
  static Result<Ptr<K>> Decode(const Result<Answer>& answer);
  template <Kind K, typename Change>
  Result<Ptr<K>> PatchWith(const K& base, Change& change, const PatchOptions& options,
                           const std::string& subresource);
  template <Kind K, typename Change>
  void PatchWithLater(Mailbox& answers, const Ptr<K>& base, Change& change,
                      const PatchOptions& options, const std::string& subresource,
                      Then<Ptr<K>> then);

  Transport& transport_;
  const std::string user_agent_;
};

// A reference to `owner` with controller and blockOwnerDeletion set.
meta_v1::OwnerReference ControllerReference(const KindInfo& info, const meta_v1::ObjectMeta& owner);
// nullptr when nobody controls it.
const meta_v1::OwnerReference* ControllerOf(const meta_v1::ObjectMeta& object);
// The merge patch (RFC 7386) that makes `after` of `before`; an empty object when they are equal.
Json MergePatchBetween(const Json& before, const Json& after);
// The metadata.resourceVersion of an object's text; "" when it has none.
std::string ResourceVersionOf(std::string_view object);
// The text of that patch for the object that `before` is, and for no namesake.
std::string MergePatchText(const Json& before, const Json& after, const PatchOptions& options);
// The error a Status document describes.
Error ErrorFromStatus(const Json& status, int http_code);

// Of an answer that should hold an object: unknown fields are passed over.
template <Kind K>
Result<std::shared_ptr<K>> DecodeObject(std::string_view text) {
  auto object = std::make_shared<K>();
  TRY(DecodeStruct(K::Describe(), text, FieldValidation::kIgnore, object.get()));
  return object;
}

template <Kind K>
Result<Ptr<K>> Client::Decode(const Result<Answer>& answer) {
  if (!answer) return Fail(answer.error());
  const Handed* handed = answer->handed.get();
  if (const auto object = SharedAs(handed, K::Describe())) {
    return std::static_pointer_cast<const K>(object);
  }
  return TRY(DecodeObject<K>(handed != nullptr ? handed->Text() : answer->text));
}

template <Kind K>
Result<std::vector<Ptr<K>>> Client::List(const ListOptions& options) {
  const auto list = TRY(ListText(K::Info(), options));
  std::vector<Ptr<K>> objects;
  objects.reserve(list.items.size());
  for (const RawJson& item : list.items) objects.push_back(TRY(DecodeObject<K>(item.Text())));
  return objects;
}

template <Kind Owner, Kind K>
Result<Ptr<K>> Client::CreateOwned(const Owner& owner, K child) {
  child.metadata.namespace_ = owner.metadata.namespace_;
  child.metadata.owner_references.push_back(ControllerReference(Owner::Info(), owner.metadata));
  return Create(child);
}

// In which version of the object a patch comes to `changed`. Who owns what, it changes by text.
template <Kind K>
std::string VersionForPatch(const K& base, const K& changed) {
  const bool same_owners = changed.metadata.managed_fields == base.metadata.managed_fields;
  return same_owners ? base.metadata.resource_version : "";
}

template <Kind K, typename Change>
Result<Ptr<K>> Client::PatchWith(const K& base, Change& change, const PatchOptions& options,
                                 const std::string& subresource) {
  auto changed = std::make_shared<K>(base);
  change(*changed);
  if (*changed == base) return changed;
  return Decode<K>(
      SendPatch(K::Info(), KeyOf(base), PatchType::kMerge,
                {K::Describe(), changed, VersionForPatch(base, *changed),
                 [&] { return MergePatchText(ToJson(base), ToJson(*changed), options); }},
                subresource));
}

template <Kind K, typename Change>
void Client::PatchWithLater(Mailbox& answers, const Ptr<K>& base, Change& change,
                            const PatchOptions& options, const std::string& subresource,
                            Then<Ptr<K>> then) {
  auto changed = std::make_shared<K>(*base);
  change(*changed);
  if (*changed == *base) return answers.Post([base, then = std::move(then)] { then(base); });
  const auto text = [base, changed, options] {
    return MergePatchText(ToJson(*base), ToJson(*changed), options);
  };
  AskLater<K>(answers, "PATCH", Resource(K::Info()).Path(KeyOf(*base), subresource),
              Given(PatchType::kMerge,
                    {K::Describe(), changed, VersionForPatch(*base, *changed), text}),
              std::move(then));
}

template <Kind K>
Result<> Client::Delete(const K& object, DeleteOptions options) {
  if (options.uid.empty()) options.uid = object.metadata.uid;
  return Remove(K::Info(), KeyOf(object), options);
}

}  // namespace skiff
