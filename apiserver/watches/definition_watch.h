// Until when a custom kind is what a watch of it began with. Kubernetes ends the watches of a kind
// when its definition comes to say something else; clients go on, from where they were, with what
// the kind is then.
//
//   revision     1          2           3           4          5
//   objects      put a                  put b                  put b
//   definition              labelled                spec
//   the watch    a                      b                      (ends: b is of another kind)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/crd/definition_mark.h"
#include "api/type.h"
#include "apiserver/storage/store.h"

namespace skiff {

// One thread at a time. The store outlives it.
class DefinitionWatch {
 public:
  // For a kind that was served a moment ago; null for one that nothing defines. Fails as
  // Store::GetAny.
  static Result<std::unique_ptr<DefinitionWatch>> Of(Store& store, const KindInfo& kind);

  // From now on `wake` is called, as a cursor's, when there may be something to find out.
  void Attach(WakeFunction wake);
  // Whether an object of that revision is known to be of another kind.
  bool EndsBefore(Revision revision);
  // The following go between a watch and its cursor over the objects, which has the same `wake`.
  //
  // As WatchCursor::Next, but that what is of another kind is left out. The definition may be read
  // later than the objects are (it is large, and leaves the ring of events early): those of which
  // nothing is known yet wait here, and `wake` is called when it is.
  Result<> Next(WatchCursor& objects, size_t events_max, std::vector<EventPtr>& out);
  // As WatchCursor::position.
  Revision PositionOf(const WatchCursor& objects) const;
  // Whether Next has returned all that will ever come.
  bool IsOver(const WatchCursor& objects);

 private:
  DefinitionWatch(Store& store, std::string key, std::shared_ptr<const crd::DefinitionMark> mark)
      : store_(store), key_(std::move(key)), mark_(std::move(mark)) {}
  bool Says(const Record& definition) const;
  // Reads on until the definition says something else, or there is no more of it.
  void ReadOn();

  Store& store_;
  const std::string key_;
  const std::shared_ptr<const crd::DefinitionMark> mark_;
  Revision known_;  // Up to here the kind is what it was.
  std::unique_ptr<WatchCursor> cursor_;
  bool is_other_ = false;  // What is after known_.
  std::vector<EventPtr> held_;
};

}  // namespace skiff
