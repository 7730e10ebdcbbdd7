#include "apiserver/auth/node_graph.h"

#include <algorithm>

#include "api/gen/resource_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/keys.h"
#include "base/at_once.h"

namespace skiff {
namespace {

template <Kind K>
const K* DecodedAs(const Record& record, Result<Object>& object) {
  object = ObjectOf(K::Info(), record);
  return object ? object->As<K>() : nullptr;
}

// Of a pod that has a node, nothing else can come to name another object, or cease to.
bool MayNameMore(std::string_view body) {
  return body.find("\"ephemeralContainers\"") != std::string_view::npos ||
         body.find("\"resourceClaimStatuses\"") != std::string_view::npos;
}

}  // namespace

const std::array<NodeGraph::Feed, NodeGraph::kFeeds>& NodeGraph::Feeds() {
  static const std::array<Feed, kFeeds> kAll = {
      {{&core_v1::Pod::Info(), &NodeGraph::BeginPods, &NodeGraph::EndPods, &NodeGraph::PutPod,
        &NodeGraph::ForgetPod},
       {&core_v1::PersistentVolume::Info(), &NodeGraph::ClearVolumes, &NodeGraph::End,
        &NodeGraph::PutVolume, &NodeGraph::ForgetVolume},
       {&storage_v1::VolumeAttachment::Info(), &NodeGraph::ClearAttachments, &NodeGraph::End,
        &NodeGraph::PutAttachment, &NodeGraph::ForgetAttachment},
       {&resource_v1::ResourceSlice::Info(), &NodeGraph::ClearSlices, &NodeGraph::End,
        &NodeGraph::PutSlice, &NodeGraph::ForgetSlice}}};
  return kAll;
}

bool NodeGraph::Reaches(std::string_view node, std::string_view resource,
                        std::string_view namespace_name, std::string_view name) {
  const PatientLock lock(mutex_);
  if (!lock) return false;
  CatchUp();
  return relations_.Reaches(node, resource, namespace_name, name);
}

NodeGraph::NodeGraph(Store& store)
    : store_(store), followers_{FollowerOf(0), FollowerOf(1), FollowerOf(2), FollowerOf(3)} {}

Follower NodeGraph::FollowerOf(size_t feed) const {
  return {store_, StorePrefix(Feeds()[feed].kind->storage_key), pause_};
}

void NodeGraph::CatchUp() {
  const Revision current = store_.Current();
  const bool follows_all = std::all_of(followers_.begin(), followers_.end(),
                                       [](const Follower& follower) { return follower.follows(); });
  if (follows_all && seen_ == current) return;
  ReadPatience patience;
  for (size_t feed = 0; feed < kFeeds; ++feed) {
    if (ReadEvents(feed, current, patience)) continue;
    if (!MayWait()) return;
    List(feed);
  }
  seen_ = current;
}

bool NodeGraph::ReadEvents(size_t feed, Revision current, ReadPatience& patience) {
  const Feed& what = Feeds()[feed];
  const auto take = [&](const Event& event) REQUIRES(mutex_) {
    if (event.kind == Event::Kind::kPut) return (this->*what.put)(*event.record);
    const auto parts = ParseStoreKey(what.kind->storage_key, event.record->key);
    if (parts) (this->*what.forget)(parts->object_namespace, parts->name);
  };
  return followers_[feed].Read(current, take, patience);
}

void NodeGraph::List(size_t feed) {
  const Feed& what = Feeds()[feed];
  // What fails is tried again by the next lookup.
  bool told = false;
  (void)followers_[feed].List(
      [&]() REQUIRES(mutex_) {
        told = true;
        (this->*what.begin)();
      },
      [&](const Record& record) REQUIRES(mutex_) { (this->*what.put)(record); });
  if (told) (this->*what.end)();
}

// Pods are written far more often than what they name changes: only what may is decoded.
void NodeGraph::PutPod(const Record& record) {
  const auto view = ObjectView::Of(record);
  const auto parts = ParseStoreKey(core_v1::Pod::Info().storage_key, record.key);
  if (!view || !parts) return;
  const std::string_view node = view->field("spec.nodeName").value_or("");
  if (node.empty()) return relations_.ForgetPod(parts->object_namespace, parts->name);
  const auto known = relations_.FindPod(parts->object_namespace, parts->name, node);
  const bool is_known = !known.uid.empty() && known.uid == view->uid();
  if (is_known && !known.names_what_may_go && !MayNameMore(view->body())) {
    return relations_.KeepPod(parts->object_namespace, parts->name);
  }
  Result<Object> object = tl::unexpected(Error{});
  if (const auto* pod = DecodedAs<core_v1::Pod>(record, object)) relations_.SetPod(*pod);
}

void NodeGraph::PutVolume(const Record& record) {
  Result<Object> object = tl::unexpected(Error{});
  if (const auto* volume = DecodedAs<core_v1::PersistentVolume>(record, object)) {
    relations_.SetVolume(*volume);
  }
}

void NodeGraph::PutAttachment(const Record& record) {
  Result<Object> object = tl::unexpected(Error{});
  if (const auto* attachment = DecodedAs<storage_v1::VolumeAttachment>(record, object)) {
    relations_.SetAttachment(attachment->metadata.name, attachment->spec.node_name);
  }
}

void NodeGraph::PutSlice(const Record& record) {
  Result<Object> object = tl::unexpected(Error{});
  if (const auto* slice = DecodedAs<resource_v1::ResourceSlice>(record, object)) {
    relations_.SetSlice(slice->metadata.name, slice->spec.node_name.value_or(""));
  }
}

void NodeGraph::ForgetPod(std::string_view namespace_name, std::string_view name) {
  relations_.ForgetPod(namespace_name, name);
}
void NodeGraph::ForgetVolume(std::string_view, std::string_view name) {
  relations_.ForgetVolume(name);
}
void NodeGraph::ForgetAttachment(std::string_view, std::string_view name) {
  relations_.SetAttachment(std::string(name), "");
}
void NodeGraph::ForgetSlice(std::string_view, std::string_view name) {
  relations_.SetSlice(std::string(name), "");
}

}  // namespace skiff
