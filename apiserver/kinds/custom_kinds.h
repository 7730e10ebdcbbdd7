// The kinds that CustomResourceDefinitions make. A definition is read when it changes, and not
// again; what it makes takes its time, which nobody spends who has nothing to do with it:
//
//   written ──> waiting (its record) ──> being built (nobody holds the mutex) ──> served
//
// Whoever asks for a group sees every definition of it that was stored before, and builds it, or
// waits until it is built; all others go on with the kinds that there are.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "api/crd/definition_text.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/storage/follower.h"
#include "apiserver/storage/store.h"
#include "base/at_once.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class CustomKinds {
 public:
  using Make = std::function<RuntimeKinds(const crd::DefinitionText& definition)>;
  // All outlive it. `make` is what takes its time.
  CustomKinds(Store& store, ServedKinds& served, const Clock& clock);
  CustomKinds(Store& store, ServedKinds& served, const Clock& clock, Make make)
      : store_(store), served_(served), clock_(clock), make_(std::move(make)) {}

  static constexpr std::string_view kEveryGroup = "*";
  // The kinds of now. Those of `group` are as the definitions make them that are stored; "" is
  // nobody's group.
  std::shared_ptr<const Served> Now(std::string_view group);
  // The same, and the groups of which it may lack kinds: of them some definition cannot be read at
  // that moment, since its key cannot be had, and never could be. It is tried again each second.
  // The one that is asked for also where no definition could ever be read, as from a store that has
  // been away since the start.
  struct Snapshot {
    std::shared_ptr<const Served> served;
    std::set<std::string, std::less<>> lacked_groups;
  };
  Snapshot Take(std::string_view group);
  // The group that the answer to a path depends on.
  static std::string_view GroupOf(std::string_view path);

 private:
  struct Definition {
    std::string digest;  // Of what its kinds were made of; "": of nothing.
    RuntimeKinds kinds;
    bool is_readable = true;
  };
  // Of a definition that was written; null: it is gone.
  struct Change {
    RecordPtr record;
    Revision revision;
  };
  // One that could not be read, as of which revision, and from when on it is tried again.
  struct Unreadable {
    Revision revision;
    Duration again_at;
  };
  // Keys of definitions, those of one group together: who waits for that group looks at no others,
  // of which there may be ten thousand.
  struct Group {
    std::string_view name;
  };
  struct InOrderOfGroups {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const;
    bool operator()(std::string_view key, Group group) const;
    bool operator()(Group group, std::string_view key) const;
  };
  using Changes = std::map<std::string, Change, InOrderOfGroups>;
  using Definitions = std::map<std::string, Definition, std::less<>>;

  void CatchUp() REQUIRES(mutex_);
  void Reload() REQUIRES(mutex_);
  bool TakeEvents() REQUIRES(mutex_);
  void ReadAgain(std::string_view group, PatientLock& lock) REQUIRES(mutex_);
  // Those of a group, or of all; from first to last.
  template <typename Map>
  static auto Of(Map& keys, std::string_view group);
  static bool IsAwaited(const Changes& changes, std::string_view group, Revision until);
  void AwaitGroup(std::string_view group, PatientLock& lock) REQUIRES(mutex_);
  void Build(std::string_view group, PatientLock& lock) REQUIRES(mutex_);
  // What becomes of a definition; nothing while it makes what it made before.
  std::shared_ptr<Definition> Read(const Change& change, const std::string& digest_before) const;

  Store& store_;
  ServedKinds& served_;
  const Clock& clock_;
  const Make make_;
  Mutex mutex_;
  std::condition_variable_any built_;  // A CondVar waits with no PatientLock.
  Definitions definitions_ GUARDED_BY(mutex_);
  Changes waiting_ GUARDED_BY(mutex_);
  Changes building_ GUARDED_BY(mutex_);  // By one thread at a time.
  // Those that could not be read. Who waits for a group tries those of it again.
  std::map<std::string, Unreadable, InOrderOfGroups> unreadable_ GUARDED_BY(mutex_);
  bool were_read_ GUARDED_BY(mutex_) = false;  // Definitions, once.
  ListPause pause_;
  std::unique_ptr<WatchCursor> cursor_ GUARDED_BY(mutex_);
  Revision seen_ GUARDED_BY(mutex_);
};

}  // namespace skiff
