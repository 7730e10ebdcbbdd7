// What the schema cannot say about a kind: computed defaults, what create and update reset,
// validation across fields. Small pure functions over the typed struct, one file a kind, named in
// the one list in all.cc. The server runs them in this order:
//
//   create:         set_defaults, [mutating admission], set_defaults, prepare_create, validate
//   update, patch:  set_defaults, [mutating admission], set_defaults, prepare_update,
//                   validate_update (which runs what also holds for new objects)
//   status:         set_defaults, prepare_status_update, validate_status_update
//
// keep_empty_lists follows each set_defaults, stamp each prepare.
//
// Metadata (names, labels, owner references, immutable fields) is checked for every kind by
// api/rules/object_meta, not here.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "api/codec/typed.h"
#include "api/type.h"
#include "api/violations.h"

namespace skiff {

template <Kind T>
struct RulesOf {
  // Decode-time defaults; must do nothing the second time.
  void (*set_defaults)(T& object) = nullptr;
  // Takes back the defaults of lists that were sent as [], where Go fills in only what is nil.
  // `given` are the JSON pointers of such lists.
  void (*keep_empty_lists)(T& object, std::span<const std::string> given) = nullptr;
  // Clears what a client may not set (status), sets the generation.
  void (*prepare_create)(T& object) = nullptr;
  // Keeps what this endpoint may not change (status), moves the generation when the spec changed.
  void (*prepare_update)(T& object, const T& old) = nullptr;
  // Keeps everything but the status.
  void (*prepare_status_update)(T& object, const T& old) = nullptr;
  // Sets the times that the server decides; `old` is nullptr on create.
  void (*stamp)(T& object, const T* old, TimePoint now) = nullptr;
  void (*validate)(const T& object, Violations& out) = nullptr;
  void (*validate_update)(const T& object, const T& old, Violations& out) = nullptr;
  void (*validate_status_update)(const T& object, const T& old, Violations& out) = nullptr;
  // Texts of Warning headers; `old` is nullptr on create.
  void (*warnings)(const T& object, const T* old, std::vector<std::string>& out) = nullptr;
  // How metadata.name is checked: a message for each thing that is wrong. nullptr: DNS subdomain.
  std::vector<std::string> (*validate_name)(std::string_view name, bool is_prefix) = nullptr;
  // New objects' metadata is looked at only when nothing else is wrong with them.
  bool metadata_last = false;
  bool allow_create_on_update = false;     // PUT of a missing name creates.
  bool allow_unconditional_update = true;  // PUT without resourceVersion overwrites.
};

// The same with the type erased; empty functions do nothing. Objects are structs of kind->type.
struct Rules {
  const KindInfo* kind = nullptr;
  std::function<void(void* object)> set_defaults;
  std::function<void(void* object, std::span<const std::string> given)> keep_empty_lists;
  std::function<void(void* object)> prepare_create;
  std::function<void(void* object, const void* old)> prepare_update;
  std::function<void(void* object, const void* old)> prepare_status_update;
  std::function<void(void* object, const void* old, TimePoint now)> stamp;
  std::function<void(const void* object, Violations& out)> validate;
  std::function<void(const void* object, const void* old, Violations& out)> validate_update;
  std::function<void(const void* object, const void* old, Violations& out)> validate_status_update;
  std::function<void(const void* object, const void* old, std::vector<std::string>& out)> warnings;
  std::vector<std::string> (*validate_name)(std::string_view name, bool is_prefix) = nullptr;
  bool metadata_last = false;
  bool allow_create_on_update = false;
  bool allow_unconditional_update = true;
};

template <Kind T>
Rules Erase(RulesOf<T> typed) {
  const auto as = [](const void* object) -> const T& { return *static_cast<const T*>(object); };
  const auto as_mutable = [](void* object) -> T& { return *static_cast<T*>(object); };
  Rules rules{.kind = &T::Info()};
  if (typed.set_defaults) rules.set_defaults = [=](void* o) { typed.set_defaults(as_mutable(o)); };
  if (typed.keep_empty_lists) {
    rules.keep_empty_lists = [=](void* o, std::span<const std::string> given) {
      typed.keep_empty_lists(as_mutable(o), given);
    };
  }
  if (typed.prepare_create) {
    rules.prepare_create = [=](void* o) { typed.prepare_create(as_mutable(o)); };
  }
  if (typed.prepare_update) {
    rules.prepare_update = [=](void* o, const void* old) {
      typed.prepare_update(as_mutable(o), as(old));
    };
  }
  if (typed.prepare_status_update) {
    rules.prepare_status_update = [=](void* o, const void* old) {
      typed.prepare_status_update(as_mutable(o), as(old));
    };
  }
  if (typed.stamp) {
    rules.stamp = [=](void* o, const void* old, TimePoint now) {
      typed.stamp(as_mutable(o), static_cast<const T*>(old), now);
    };
  }
  if (typed.validate) {
    rules.validate = [=](const void* o, Violations& out) { typed.validate(as(o), out); };
  }
  if (typed.validate_update) {
    rules.validate_update = [=](const void* o, const void* old, Violations& out) {
      typed.validate_update(as(o), as(old), out);
    };
  }
  if (typed.validate_status_update) {
    rules.validate_status_update = [=](const void* o, const void* old, Violations& out) {
      typed.validate_status_update(as(o), as(old), out);
    };
  }
  if (typed.warnings) {
    rules.warnings = [=](const void* o, const void* old, std::vector<std::string>& out) {
      typed.warnings(as(o), static_cast<const T*>(old), out);
    };
  }
  rules.validate_name = typed.validate_name;
  rules.metadata_last = typed.metadata_last;
  rules.allow_create_on_update = typed.allow_create_on_update;
  rules.allow_unconditional_update = typed.allow_unconditional_update;
  return rules;
}

// nullptr for a kind without rules of its own: then the server moves the generation when the spec
// changed, keeps status and spec apart, and checks what the table says.
const Rules* FindRules(const KindInfo& kind);

}  // namespace skiff
