// Wakes a loop when something happens to an object of a kind, for who then looks at what there is
// and not at what happened.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/codec/typed.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/store.h"
#include "base/control_loop.h"

namespace skiff {

// One thread at a time. The store outlives it.
class PrefixBell {
 public:
  // `ring` is called on any thread.
  PrefixBell(Store& store, std::string prefix, std::function<void()> ring)
      : store_(store), prefix_(std::move(prefix)), ring_(std::move(ring)) {}

  // Whether anything came since the last time; true the first time, and when nobody can tell. It
  // rings for what comes later, and at once when it has to be asked again.
  bool HasRung();

 private:
  Store& store_;
  const std::string prefix_;
  const std::function<void()> ring_;
  std::unique_ptr<WatchCursor> cursor_;
};

// Of all objects of a kind; wakes the loop, which has it.
template <Kind K>
PrefixBell BellOf(Store& store, ControlLoop& loop) {
  return {store, StorePrefix(K::Info().storage_key), [&loop] { loop.Wake(); }};
}

}  // namespace skiff
