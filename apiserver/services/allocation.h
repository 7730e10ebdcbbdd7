// What a kind owns outside its object: addresses and ports of Services. Reserved before the write,
// kept when it succeeds, given back when it does not or when the object is deleted.
#pragma once

#include <memory>

#include "apiserver/objects/object.h"
#include "base/error.h"

namespace skiff {

// Gives back what it holds when it is destroyed before Keep.
class Reservation {
 public:
  virtual ~Reservation() = default;
  // The write succeeded: the reservation lasts, and what the old object no longer needs is freed.
  virtual void Keep() = 0;
};

// Thread-safe.
class AllocationHooks {
 public:
  virtual ~AllocationHooks() = default;
  // Whether objects of the kind may own anything.
  virtual bool Owns(const KindInfo& kind) const = 0;
  // Fills in what `object` leaves open; `old` is nullptr on create. nullptr for kinds that own
  // nothing.
  virtual Result<std::unique_ptr<Reservation>> Reserve(Object& object, const Object* old,
                                                       bool dry_run) = 0;
  // The object is gone.
  virtual void Release(const Object& object) = 0;
};

}  // namespace skiff
