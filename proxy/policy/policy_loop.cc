#include "proxy/policy/policy_loop.h"

#include <algorithm>
#include <utility>

namespace skiff::netpol {

using core_v1::Pod;

PolicyLoop::PolicyLoop(Dependencies dependencies, std::string node_name, PolicyTimes times)
    : dependencies_(std::move(dependencies)),
      node_name_(std::move(node_name)),
      times_(times),
      plan_(node_name_) {
  WatchInformers();
}

PolicyLoop::~PolicyLoop() {
  // The watch calls into this object.
  dependencies_.nft.StopWatching();
}

template <typename Note>
void PolicyLoop::NoteChange(Note note) {
  {
    const MutexLock lock(mutex_);
    note(changes_);
  }
  Wake();
}

void PolicyLoop::WatchInformers() {
  dependencies_.policies.OnChange([this](const auto& before, const auto& now) {
    const ObjectKey key = KeyOf(now ? *now : *before);
    NoteChange([&](Changes& changes) { changes.policies.insert(key); });
  });
  // What is of no interest while there are no policies is taken all at once later.
  dependencies_.pods.OnChange([this](const Ptr<Pod>& before, const Ptr<Pod>& now) {
    if (!reads_) return;
    if (before && now && ReadPolicyPod(*before, node_name_) == ReadPolicyPod(*now, node_name_)) {
      return;
    }
    const ObjectKey key = KeyOf(now ? *now : *before);
    NoteChange([&](Changes& changes) { changes.pods.insert(key); });
  });
  dependencies_.namespaces.OnChange([this](const auto& before, const auto& now) {
    if (before && now && before->metadata.labels == now->metadata.labels) return;
    const std::string name = (now ? now : before)->metadata.name;
    NoteChange([&](Changes& changes) { changes.namespaces.insert(name); });
  });
  dependencies_.nodes.OnChange([this](const auto& before, const auto& now) {
    if (before && now && before->spec.pod_cidrs == now->spec.pod_cidrs) return;
    const std::string name = (now ? now : before)->metadata.name;
    NoteChange([&](Changes& changes) { changes.nodes.insert(name); });
  });
  for (InformerCache* cache :
       {&dependencies_.policies.cache(), &dependencies_.namespaces.cache(),
        &dependencies_.nodes.cache(), &dependencies_.pods.cache()}) {
    cache->OnSynced([this] { Wake(); });
  }
}

bool PolicyLoop::HasInputs() {
  if (!dependencies_.policies.synced()) return false;
  if (!reads_) {
    if (dependencies_.policies.cache().size() == 0) return false;
    reads_ = true;
    dependencies_.read_pods();
  }
  return dependencies_.pods.synced() && dependencies_.namespaces.synced() &&
         dependencies_.nodes.synced();
}

Duration PolicyLoop::Step() {
  if (!HasInputs()) {
    if (dependencies_.policies.synced() && !reads_ && !is_clean_) {
      // What an earlier process has left. Where nothing can be removed there is nothing, either.
      (void)dependencies_.nft.Remove();
      is_clean_ = true;
      Remember({});
    }
    return kNever;
  }
  const Duration now = dependencies_.clock.Monotonic();
  LookAtTable(now);
  {
    const MutexLock lock(mutex_);
    if (changes_.empty() && !must_write_all_ && !plan_.table().has_leftovers()) return NextDue(now);
  }
  if (now < not_before_) return not_before_ - now;
  TakeChanges();
  if (const auto written = Sync(); !written) return AfterFailure(written.error().message, now);
  told_.clear();
  Remember(is_clean_ ? std::vector<std::string>() : plan_.OwnRanges());
  const Duration after = dependencies_.clock.Monotonic();
  not_before_ = after + times_.min_sync_period;
  if (!watches_ && !is_clean_) {
    watches_ = dependencies_.nft.OnDeletions([this] {
      look_ = true;
      Wake();
    });
  }
  return NextDue(after);
}

Duration PolicyLoop::NextDue(Duration now) const {
  if (look_) return std::max(look_not_before_ - now, Duration(0));
  if (plan_.table().has_leftovers()) return kLookPeriod;
  // Where nobody tells, somebody looks.
  return watches_ || is_clean_ ? kNever : times_.sync_period;
}

void PolicyLoop::LookAtTable(Duration now) {
  const bool told = look_ && now >= look_not_before_;
  if (told) look_ = false;
  if (is_clean_ || must_write_all_ || (watches_ && !told) || now < look_not_before_) return;
  look_not_before_ = now + kLookPeriod;
  if (dependencies_.nft.Intact()) return;
  log_.Info("somebody took rules away; writing them again");
  must_write_all_ = true;
}

Duration PolicyLoop::AfterFailure(const std::string& why, Duration now) {
  must_write_all_ = true;
  not_before_ = now + times_.sync_period;
  if (std::exchange(told_, why) != why) {
    log_.Error("network policies are not enforced", {{"error", why}});
    dependencies_.tell(why);
  }
  return times_.sync_period;
}

void PolicyLoop::Remember(const std::vector<std::string>& ranges) {
  if (remembered_ == ranges) return;
  remembered_ = ranges;
  dependencies_.remember(ranges);
}

void PolicyLoop::SetPolicy(const ObjectKey& key) {
  const auto policy = dependencies_.policies.Get(key);
  const auto set = plan_.SetPolicy(key, policy.get());
  if (set) return;
  if (set.error().reason == Reason::kTooManyRequests) dependencies_.tell(set.error().message);
  log_.Error("network policy passed over", {{"policy", key}, {"error", set.error().message}});
}

// By what is in the caches now: what came meanwhile is seen twice, and costs nothing then.
void PolicyLoop::TakeChanges() {
  Changes changes;
  {
    const MutexLock lock(mutex_);
    std::swap(changes, changes_);
  }
  if (!std::exchange(has_taken_all_, true)) {
    if (dependencies_.nft.LooksUpRoutes()) {
      plan_.BindCables();
    } else {
      log_.Info("the kernel's nftables look up no routes (nft_fib): a pod with CAP_NET_RAW can send "
                "under an address that is not its own");
    }
    for (const auto& each : dependencies_.namespaces.List()) {
      changes.namespaces.insert(each->metadata.name);
    }
    for (const auto& each : dependencies_.pods.List()) changes.pods.insert(KeyOf(*each));
    for (const auto& each : dependencies_.policies.List()) changes.policies.insert(KeyOf(*each));
    for (const auto& each : dependencies_.nodes.List()) changes.nodes.insert(each->metadata.name);
  }
  for (const std::string& name : changes.namespaces) {
    const auto found = dependencies_.namespaces.Get({"", name});
    plan_.SetNamespace(name, found ? &found->metadata.labels : nullptr);
  }
  for (const ObjectKey& key : changes.pods) {
    plan_.SetPod(key, dependencies_.pods.Get(key).get());
  }
  for (const ObjectKey& key : changes.policies) SetPolicy(key);
  for (const std::string& name : changes.nodes) {
    const auto node = dependencies_.nodes.Get({"", name});
    plan_.SetNode(name, node ? node->spec.pod_cidrs : std::vector<std::string>());
  }
}

Result<> PolicyLoop::Sync() {
  NftTable& table = plan_.table();
  if (dependencies_.policies.cache().size() == 0) {
    if (!is_clean_) TRY(dependencies_.nft.Remove());
    is_clean_ = true;
    must_write_all_ = false;
    table.CommitWhole();  // The next policy has all of it written.
    return {};
  }
  bool all = must_write_all_ || is_clean_;
  must_write_all_ = true;  // Unless it succeeds.
  is_clean_ = false;
  std::string text = all ? table.WholeText() : table.ChangeText();
  if (!text.empty()) {
    auto loaded = dependencies_.nft.Load(text);
    if (!loaded && !all) {
      // The table may not be what we left.
      log_.Info("change not written; writing all", {{"error", loaded.error().message}});
      all = true;
      text = table.WholeText();
      loaded = dependencies_.nft.Load(text);
    }
    if (!loaded) return Fail(loaded.error());
  }
  must_write_all_ = false;
  if (all) {
    table.CommitWhole();
  } else {
    table.CommitChange();
  }
  log_.Debug("network policies written", {{"whole", all},
                                          {"rules", table.rules()},
                                          {"addresses", table.elements()},
                                          {"bytes", text.size()}});
  return {};
}

}  // namespace skiff::netpol
