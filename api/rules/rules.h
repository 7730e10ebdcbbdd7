// What the schema cannot say about a kind: computed defaults, what create and update reset,
// validation across fields. Small pure functions over the typed struct, one file a kind, named in
// the one table of kinds (api/kinds/built_in.cc). The server runs them in this order:
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

#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "api/codec/typed.h"
#include "api/rules/names.h"
#include "api/type.h"
#include "api/violations.h"

namespace skiff {

template <Kind T>
struct RulesOf {
  using Object = T;
  // Decode-time defaults; must do nothing the second time.
  void (*set_defaults)(T& object) = nullptr;
  // Why Go cannot turn what was sent into the type that all versions of the kind are kept in, in
  // its words; "": it can. Asked of what is read, before anything else is looked at.
  std::string (*inconvertible)(const T& object) = nullptr;
  // Takes back the defaults of lists that were sent as [], where Go fills in only what is nil.
  // `given` are the JSON pointers of such lists.
  void (*keep_empty_lists)(T& object, std::span<const std::string> given) = nullptr;
  // Gives a copy of a new object what its author is said to have written, though the object itself
  // gets it by prepare_create, and with more to it: the fields of the copy are put down.
  void (*show_owned)(T& copy) = nullptr;
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
  // The same of a write of the status.
  void (*status_warnings)(const T& object, std::vector<std::string>& out) = nullptr;
  // How metadata.name is checked: a message for each thing that is wrong. nullptr: DNS subdomain.
  NameRule validate_name = nullptr;
  // New objects' metadata is looked at only when nothing else is wrong with them.
  bool metadata_last = false;
  bool allow_create_on_update = false;     // PUT of a missing name creates.
  bool allow_unconditional_update = true;  // PUT without resourceVersion overwrites.
};

// The same with the type erased; nullptr does nothing, where nothing else is said. Objects are
// structs of the kind's type.
struct Rules {
  const KindInfo& (*kind)() = nullptr;
  std::string (*inconvertible)(const void* object) = nullptr;
  void (*set_defaults)(void* object) = nullptr;
  void (*keep_empty_lists)(void* object, std::span<const std::string> given) = nullptr;
  void (*show_owned)(void* copy) = nullptr;
  // These three: nullptr has the server clear the status and move the generation when anything but
  // metadata changed, and keep everything but the status.
  void (*prepare_create)(void* object) = nullptr;
  void (*prepare_update)(void* object, const void* old) = nullptr;
  void (*prepare_status_update)(void* object, const void* old) = nullptr;
  void (*stamp)(void* object, const void* old, TimePoint now) = nullptr;
  void (*validate)(const void* object, Violations& out) = nullptr;
  void (*validate_update)(const void* object, const void* old, Violations& out) = nullptr;
  void (*validate_status_update)(const void* object, const void* old, Violations& out) = nullptr;
  void (*warnings)(const void* object, const void* old, std::vector<std::string>& out) = nullptr;
  void (*status_warnings)(const void* object, std::vector<std::string>& out) = nullptr;
  NameRule validate_name = &NameIsDnsSubdomain;
  bool metadata_last = false;
  bool allow_create_on_update = false;
  bool allow_unconditional_update = false;
};

namespace rules {

template <typename T>
const T& As(const void* object) {
  return *static_cast<const T*>(object);
}
template <typename T>
T& As(void* object) {
  return *static_cast<T*>(object);
}

template <const auto& kTyped, typename T>
constexpr void ErasePreparing(Rules& rules) {
  if constexpr (kTyped.inconvertible != nullptr) {
    rules.inconvertible = [](const void* object) { return kTyped.inconvertible(As<T>(object)); };
  }
  if constexpr (kTyped.set_defaults != nullptr) {
    rules.set_defaults = [](void* object) { kTyped.set_defaults(As<T>(object)); };
  }
  if constexpr (kTyped.keep_empty_lists != nullptr) {
    rules.keep_empty_lists = [](void* object, std::span<const std::string> given) {
      kTyped.keep_empty_lists(As<T>(object), given);
    };
  }
  if constexpr (kTyped.show_owned != nullptr) {
    rules.show_owned = [](void* copy) { kTyped.show_owned(As<T>(copy)); };
  }
  // Who has rules, and none of these, resets nothing.
  rules.prepare_create = []([[maybe_unused]] void* object) {
    if constexpr (kTyped.prepare_create != nullptr) kTyped.prepare_create(As<T>(object));
  };
  rules.prepare_update = []([[maybe_unused]] void* object, [[maybe_unused]] const void* old) {
    if constexpr (kTyped.prepare_update != nullptr) {
      kTyped.prepare_update(As<T>(object), As<T>(old));
    }
  };
  if constexpr (kTyped.prepare_status_update != nullptr) {
    rules.prepare_status_update = [](void* object, const void* old) {
      kTyped.prepare_status_update(As<T>(object), As<T>(old));
    };
  }
  if constexpr (kTyped.stamp != nullptr) {
    rules.stamp = [](void* object, const void* old, TimePoint now) {
      kTyped.stamp(As<T>(object), static_cast<const T*>(old), now);
    };
  }
}

template <const auto& kTyped, typename T>
constexpr void EraseWarnings(Rules& rules) {
  if constexpr (kTyped.warnings != nullptr) {
    rules.warnings = [](const void* object, const void* old, std::vector<std::string>& out) {
      kTyped.warnings(As<T>(object), static_cast<const T*>(old), out);
    };
  }
  if constexpr (kTyped.status_warnings != nullptr) {
    rules.status_warnings = [](const void* object, std::vector<std::string>& out) {
      kTyped.status_warnings(As<T>(object), out);
    };
  }
}

template <const auto& kTyped, typename T>
constexpr void EraseValidation(Rules& rules) {
  if constexpr (kTyped.validate != nullptr) {
    rules.validate = [](const void* object, Violations& out) {
      kTyped.validate(As<T>(object), out);
    };
  }
  if constexpr (kTyped.validate_update != nullptr) {
    rules.validate_update = [](const void* object, const void* old, Violations& out) {
      kTyped.validate_update(As<T>(object), As<T>(old), out);
    };
  }
  if constexpr (kTyped.validate_status_update != nullptr) {
    rules.validate_status_update = [](const void* object, const void* old, Violations& out) {
      kTyped.validate_status_update(As<T>(object), As<T>(old), out);
    };
  }
}

}  // namespace rules

// constexpr RulesOf<Pod> kTypedPodRules = {.validate = ValidatePod};
// constinit const Rules kPodRules = Erase<kTypedPodRules>();
template <const auto& kTyped>
consteval Rules Erase() {
  using T = typename std::remove_cvref_t<decltype(kTyped)>::Object;
  Rules erased{.kind = &T::Info};
  rules::ErasePreparing<kTyped, T>(erased);
  rules::EraseValidation<kTyped, T>(erased);
  rules::EraseWarnings<kTyped, T>(erased);
  if (kTyped.validate_name != nullptr) erased.validate_name = kTyped.validate_name;
  erased.metadata_last = kTyped.metadata_last;
  erased.allow_create_on_update = kTyped.allow_create_on_update;
  erased.allow_unconditional_update = kTyped.allow_unconditional_update;
  return erased;
}

// Of kinds without rules of their own, custom ones among them: the server moves the generation when
// the spec changed, keeps status and spec apart, and checks what the table says.
extern const Rules kPlainRules;

}  // namespace skiff
