// Who owns an object that a selector picks: adoption and release, the same for all controllers.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/select/selector.h"
#include "client/informer.h"
#include "controllers/workloads/kept_selectors.h"

namespace skiff {

enum class Claim : uint8_t {
  kMine,     // Controlled by the owner, and picked by its selector.
  kAdopt,    // Nobody's, and picked: becomes the owner's.
  kRelease,  // The owner's, but no longer picked.
  kLeave,
};

// Pure.
Claim Classify(const meta_v1::ObjectMeta& owner, const LabelSelector& selector,
               const meta_v1::ObjectMeta& object);

// Whether a selector of labels alone picks what has these. An empty one picks nothing.
bool Selects(const std::map<std::string, std::string>& selector,
             const std::map<std::string, std::string>& labels);

// For ControllerBuilder::Watches: what nobody controls wakes those of its namespace that `selects`
// says may adopt it.
template <Kind Owner, typename SelectsObject>
auto MayAdoptBy(const Informer<Owner>& owners, SelectsObject selects) {
  return [owners, selects = std::move(selects)](const auto& object) {
    std::vector<ObjectKey> keys;
    if (ControllerOf(object.metadata)) return keys;
    for (const auto& owner : owners.ListIn(object.metadata.namespace_)) {
      if (selects(owner, object.metadata.labels)) keys.push_back(KeyOf(*owner));
    }
    return keys;
  };
}

// The same by the selectors of the owners themselves: one that is missing, empty or cannot be read
// picks nothing. Before the cache starts.
template <Kind Owner>
auto MayAdopt(const Informer<Owner>& owners) {
  using Selector = std::remove_cvref_t<decltype(std::declval<Owner>().spec.selector)>;
  if constexpr (std::is_same_v<Selector, Box<meta_v1::LabelSelector>>) {
    return MayAdoptBy(owners, [kept = KeptSelectors<Owner>::Of(owners)](const Ptr<Owner>& owner,
                                                                        const auto& labels) {
      const auto selector = kept->Get(owner);
      return selector && !selector->empty() && selector->Matches(labels);
    });
  } else {
    return MayAdoptBy(owners, [](const Ptr<Owner>& owner, const auto& labels) {
      return Selects(owner->spec.selector, labels);
    });
  }
}

// The owner as the server has it now must still be the one that wants to adopt; else an error.
Result<> CanAdopt(const KindInfo& child, const meta_v1::ObjectMeta& object, const KindInfo& kind,
                  const meta_v1::ObjectMeta& owner, const meta_v1::ObjectMeta& live);

// Of what nobody controls; it may name who does from now on among its owners already.
void SetController(meta_v1::ObjectMeta& object, meta_v1::OwnerReference controller);

// Once, and not at all when it is empty.
void SetFinalizer(meta_v1::ObjectMeta& object, const std::string& finalizer);

// Which of the cached objects may belong to `owner`: those that it controls, and those that nobody
// does.
template <Kind Owner, Kind K>
std::vector<Ptr<K>> ClaimCandidates(const Owner& owner, const Informer<K>& objects) {
  auto candidates = objects.ControlledBy(owner.metadata);
  for (auto& orphan : objects.OrphansIn(owner.metadata.namespace_)) candidates.push_back(orphan);
  return candidates;
}

// The objects among these that belong to `owner` after adopting and releasing. With `is_member`,
// those it refuses are treated as if the selector did not pick them. A `finalizer` comes and goes
// with the owner.
template <Kind Owner, Kind K>
Result<std::vector<Ptr<K>>> ClaimAmong(Client& client, const Owner& owner,
                                       const LabelSelector& selector,
                                       const std::vector<Ptr<K>>& candidates,
                                       const std::function<bool(const K&)>& is_member = {},
                                       const std::string& finalizer = "") {
  std::vector<Ptr<K>> mine;
  Ptr<Owner> live;
  for (const Ptr<K>& object : candidates) {
    Claim claim = Classify(owner.metadata, selector, object->metadata);
    if (is_member && !is_member(*object)) {
      if (claim == Claim::kAdopt) claim = Claim::kLeave;
      if (claim == Claim::kMine) claim = Claim::kRelease;
    }
    if (claim == Claim::kMine) {
      mine.push_back(object);
    } else if (claim == Claim::kAdopt) {
      if (!live) live = TRY(client.Get<Owner>(KeyOf(owner)));
      TRY(CanAdopt(K::Info(), object->metadata, Owner::Info(), owner.metadata, live->metadata));
      const auto adopted = client.Patch(
          *object,
          [&](K& it) {
            SetController(it.metadata, ControllerReference(Owner::Info(), owner.metadata));
            SetFinalizer(it.metadata, finalizer);
          },
          {.if_unchanged = true});
      if (!adopted && adopted.error().reason == Reason::kNotFound) continue;
      if (!adopted) return Fail(adopted.error());
      mine.push_back(*adopted);
    } else if (claim == Claim::kRelease) {
      const auto released =
          client.Patch(*object,
                       [&](K& it) {
                         std::erase_if(it.metadata.owner_references, [&](const auto& reference) {
                           return reference.uid == owner.metadata.uid;
                         });
                         std::erase(it.metadata.finalizers, finalizer);
                       },
                       {.if_unchanged = true});
      // Gone, or a namesake: no longer ours either way.
      if (!released && released.error().reason != Reason::kNotFound &&
          released.error().reason != Reason::kInvalid) {
        return Fail(released.error());
      }
    }
  }
  return mine;
}

// The same among all cached ones.
template <Kind Owner, Kind K>
Result<std::vector<Ptr<K>>> ClaimObjects(Client& client, const Owner& owner,
                                         const LabelSelector& selector, const Informer<K>& objects,
                                         const std::function<bool(const K&)>& is_member = {},
                                         const std::string& finalizer = "") {
  return ClaimAmong<Owner, K>(client, owner, selector, ClaimCandidates(owner, objects), is_member,
                              finalizer);
}

}  // namespace skiff
