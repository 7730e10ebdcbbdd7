// The kinds that CustomResourceDefinitions make, as fresh as the store: whoever asks first takes
// the events that came since the last one asked, as object_cache.h does. A definition is read when
// it changes, and not again.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "apiserver/served_kinds.h"
#include "apiserver/storage/store.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class CustomKinds {
 public:
  // Both outlive it.
  CustomKinds(Store& store, ServedKinds& served) : store_(store), served_(served) {}

  // The kinds as the definitions that are stored now make them.
  std::shared_ptr<const Served> Now();

 private:
  struct Definition {
    std::string text;  // What its kinds were made of.
    RuntimeKinds kinds;
  };
  void CatchUp() REQUIRES(mutex_);
  void Reload() REQUIRES(mutex_);
  bool TakeEvents() REQUIRES(mutex_);
  // Whether other kinds are served than before.
  bool Take(const Record& record) REQUIRES(mutex_);
  void Serve() REQUIRES(mutex_);

  Store& store_;
  ServedKinds& served_;
  Mutex mutex_;
  std::map<std::string, Definition, std::less<>> definitions_ GUARDED_BY(mutex_);  // By key.
  std::unique_ptr<WatchCursor> cursor_ GUARDED_BY(mutex_);
  Revision seen_ GUARDED_BY(mutex_);
};

}  // namespace skiff
