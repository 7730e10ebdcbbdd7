// NodeRelations kept up to date with the store. Nobody feeds it: a lookup first takes the events
// that came since the last one, so it is as fresh as the store, and what a lookup costs does not
// grow with the number of pods.
#pragma once

#include <array>
#include <string_view>

#include "apiserver/auth/node_relations.h"
#include "apiserver/storage/follower.h"
#include "apiserver/storage/record_header.h"
#include "base/mutex.h"

namespace skiff {

struct KindInfo;

// Thread-safe.
class NodeGraph {
 public:
  explicit NodeGraph(Store& store);
  bool Reaches(std::string_view node, std::string_view resource, std::string_view namespace_name,
               std::string_view name);

 private:
  // One kind of objects that relations come from.
  struct Feed {
    const KindInfo* kind;
    void (NodeGraph::*begin)();  // All there are are told again.
    void (NodeGraph::*end)();    // All were told.
    void (NodeGraph::*put)(const Record& record);
    void (NodeGraph::*forget)(std::string_view namespace_name, std::string_view name);
  };
  static constexpr size_t kFeeds = 4;
  static const std::array<Feed, kFeeds>& Feeds();

  // A store that fails leaves the last state.
  void CatchUp() REQUIRES(mutex_);
  void List(size_t feed) REQUIRES(mutex_);
  // Whether all is known now that was written through `current`.
  bool ReadEvents(size_t feed, Revision current, ReadPatience& patience) REQUIRES(mutex_);
  Follower FollowerOf(size_t feed) const;

  void BeginPods() REQUIRES(mutex_) { relations_.BeginPods(); }
  void EndPods() REQUIRES(mutex_) { relations_.EndPods(); }
  void End() REQUIRES(mutex_) {}
  void ClearVolumes() REQUIRES(mutex_) { relations_.ClearVolumes(); }
  void ClearAttachments() REQUIRES(mutex_) { relations_.ClearAttachments(); }
  void ClearSlices() REQUIRES(mutex_) { relations_.ClearSlices(); }
  void PutPod(const Record& record) REQUIRES(mutex_);
  void PutVolume(const Record& record) REQUIRES(mutex_);
  void PutAttachment(const Record& record) REQUIRES(mutex_);
  void PutSlice(const Record& record) REQUIRES(mutex_);
  void ForgetPod(std::string_view namespace_name, std::string_view name) REQUIRES(mutex_);
  void ForgetVolume(std::string_view, std::string_view name) REQUIRES(mutex_);
  void ForgetAttachment(std::string_view, std::string_view name) REQUIRES(mutex_);
  void ForgetSlice(std::string_view, std::string_view name) REQUIRES(mutex_);

  Store& store_;
  Mutex mutex_;
  NodeRelations relations_ GUARDED_BY(mutex_);
  const ListPausePtr pause_ = std::make_shared<ListPause>();  // Of all of them.
  std::array<Follower, kFeeds> followers_ GUARDED_BY(mutex_);
  Revision seen_ GUARDED_BY(mutex_);
};

}  // namespace skiff
