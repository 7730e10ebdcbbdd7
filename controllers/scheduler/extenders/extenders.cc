#include "controllers/scheduler/extenders/extenders.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

namespace skiff::scheduler {
namespace {

// From what extenders score by (0 to 10) to what the scheduler does (0 to 100).
constexpr int64_t kExtenderScoreScale = 10;

// Around the end of the numbers, as Go multiplies.
int64_t Times(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

Result<> BoundBy(const Result<std::string>& body) {
  if (!body) return Fail(body.error());
  const std::string error = TRY(ReadBindingAnswer(*body));
  if (error.empty()) return {};
  return Fail(Reason::kInternalError, error);
}

}  // namespace

Result<std::unique_ptr<Extenders>> Extenders::Make(std::vector<ExtenderOptions> options) {
  std::ranges::stable_partition(options, [](const auto& each) { return !each.ignorable; });
  std::unique_ptr<Extenders> extenders(new Extenders());
  for (ExtenderOptions& each : options) {
    extenders->clients_.push_back(TRY(ExtenderClient::Make(std::move(each), extenders->loops_)));
  }
  return extenders;
}

bool Extenders::Judge(const core_v1::Pod& pod) const {
  return std::ranges::any_of(clients_, [&](const auto& client) {
    const ExtenderOptions& of = client->options();
    const bool judges =
        !of.filter_verb.empty() || !of.prioritize_verb.empty() || !of.preempt_verb.empty();
    return judges && of.IsInterestedIn(pod);
  });
}

bool Extenders::JudgePreemption(const core_v1::Pod& pod) const {
  return std::ranges::any_of(clients_, [&](const auto& client) {
    return !client->options().preempt_verb.empty() && client->options().IsInterestedIn(pod);
  });
}

bool Extenders::CompareNodes() const {
  return std::ranges::any_of(clients_, [&](const auto& client) {
    return !client->options().filter_verb.empty() || !client->options().prioritize_verb.empty();
  });
}

ExtenderClient* Extenders::BinderOf(const core_v1::Pod& pod) const {
  const auto found = std::ranges::find_if(clients_, [&](const auto& client) {
    return !client->options().bind_verb.empty() && client->options().IsInterestedIn(pod);
  });
  return found == clients_.end() ? nullptr : found->get();
}

std::optional<Result<ExtenderFindings>> ExtenderSearch::Step(Duration now) {
  if (!scores_) {
    const auto filtered = Filter(now);
    if (!filtered) return std::nullopt;
    if (!*filtered) return Result<ExtenderFindings>(Fail(filtered->error()));
    for (const NodePtr& node : nodes_) findings_.nodes.push_back(node->metadata.name);
    scores_ = true;
    if (nodes_.size() > 1) BeginScoring(now);
  }
  if (!Score(now)) return std::nullopt;
  return std::move(findings_);
}

Duration ExtenderSearch::due() const {
  Duration due = filtering_ ? filtering_->deadline() : kNever;
  for (const Scoring& each : scoring_) due = std::min(due, each.call->deadline());
  return due;
}

std::optional<Result<>> ExtenderSearch::Filter(Duration now) {
  const auto& clients = extenders_.clients();
  for (; next_ < clients.size() && !nodes_.empty(); ++next_) {
    ExtenderClient& client = *clients[next_];
    const ExtenderOptions& of = client.options();
    if (of.filter_verb.empty() || !of.IsInterestedIn(*pod_)) continue;
    if (!filtering_) {
      filtering_ = client.Begin(of.filter_verb, NodesQuestion(*pod_, nodes_, of.node_cache_capable),
                                now, told_);
    }
    const auto body = filtering_->Take(now);
    if (!body) return std::nullopt;
    filtering_ = nullptr;
    auto taken = TakeFilterAnswer(client, *body);
    if (!taken) return taken;
  }
  return Result<>();
}

Result<> ExtenderSearch::TakeFilterAnswer(const ExtenderClient& client,
                                          const Result<std::string>& body) {
  auto applied = body ? ApplyFilter(client, *body) : Fail(body.error());
  if (applied || !client.options().ignorable) return applied;
  log_.Info("extender passed over",
            {{"extender", client.options().url_prefix}, {"error", applied.error().message}});
  return {};
}

Result<> ExtenderSearch::ApplyFilter(const ExtenderClient& client, const std::string& body) {
  FilterAnswer answer = TRY(ReadFilterAnswer(body));
  if (!answer.error.empty()) return Fail(Reason::kInternalError, answer.error);
  const ExtenderOptions& of = client.options();
  auto& names = of.node_cache_capable && answer.node_names ? answer.node_names : answer.nodes;
  std::map<std::string_view, const NodePtr*> asked;
  for (const NodePtr& node : nodes_) asked.emplace(node->metadata.name, &node);
  std::vector<NodePtr> left;
  std::set<std::string_view> seen;
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    const auto found = asked.find(name);
    if (found == asked.end()) {
      return Fail(Reason::kInternalError,
                  fmt::format("extender \"{}\" claims a filtered node \"{}\" which is not found in "
                              "the input node list",
                              of.url_prefix, name));
    }
    if (seen.insert(found->first).second) left.push_back(*found->second);
  }
  for (auto& [node, why] : answer.failed) findings_.refused[node] = {std::move(why), true};
  for (auto& [node, why] : answer.failed_and_unresolvable) {
    findings_.refused[node] = {std::move(why), false};
  }
  nodes_ = std::move(left);
  return {};
}

void ExtenderSearch::BeginScoring(Duration now) {
  for (const auto& client : extenders_.clients()) {
    const ExtenderOptions& of = client->options();
    if (of.prioritize_verb.empty() || !of.IsInterestedIn(*pod_)) continue;
    scoring_.push_back(
        {client.get(),
         client->Begin(of.prioritize_verb, NodesQuestion(*pod_, nodes_, of.node_cache_capable), now,
                       told_)});
  }
}

bool ExtenderSearch::Score(Duration now) {
  std::vector<Scoring> left;
  for (Scoring& each : scoring_) {
    const auto body = each.call->Take(now);
    if (body) {
      ApplyScores(*each.client, *body);
    } else {
      left.push_back(std::move(each));
    }
  }
  scoring_ = std::move(left);
  return scoring_.empty();
}

// Who cannot answer has no say; the others have.
void ExtenderSearch::ApplyScores(const ExtenderClient& client, const Result<std::string>& body) {
  const auto scores = body ? ReadPriorities(*body) : Fail(body.error());
  if (!scores) {
    log_.Info("no score by an extender",
              {{"extender", client.options().url_prefix}, {"error", scores.error().message}});
    return;
  }
  for (const std::string& node : findings_.nodes) {
    const auto found = scores->find(node);
    if (found == scores->end()) continue;
    const int64_t weighed =
        Times(Times(found->second, client.options().weight), kExtenderScoreScale);
    int64_t& sum = findings_.scores[node];
    sum = static_cast<int64_t>(static_cast<uint64_t>(sum) + static_cast<uint64_t>(weighed));
  }
}

std::optional<Result<std::vector<Victims>>> ExtenderPreemption::Step(Duration now,
                                                                     const FindNode& find) {
  const auto& clients = extenders_.clients();
  for (; next_ < clients.size() && !candidates_.empty(); ++next_) {
    ExtenderClient& client = *clients[next_];
    const ExtenderOptions& of = client.options();
    if (of.preempt_verb.empty() || !of.IsInterestedIn(*pod_->pod)) continue;
    if (!call_) {
      call_ = client.Begin(of.preempt_verb,
                           PreemptionQuestion(*pod_->pod, candidates_, of.node_cache_capable), now,
                           told_);
    }
    const auto body = call_->Take(now);
    if (!body) return std::nullopt;
    call_ = nullptr;
    const auto taken = TakeAnswer(client, *body, find);
    if (!taken) return Result<std::vector<Victims>>(Fail(taken.error()));
  }
  return std::move(candidates_);
}

Result<> ExtenderPreemption::TakeAnswer(const ExtenderClient& client,
                                        const Result<std::string>& body, const FindNode& find) {
  const std::string& name = client.options().url_prefix;
  auto left = Read(client, body, find);
  if (!left) {
    if (!client.options().ignorable) return Fail(left.error());
    log_.Info("extender passed over", {{"extender", name}, {"error", left.error().message}});
    return {};
  }
  const auto empty = std::ranges::find_if(*left, [](const auto& it) { return it.pods.empty(); });
  if (empty != left->end() && !client.options().ignorable) {
    return Fail(Reason::kInternalError,
                fmt::format("expected at least one victim pod on node \"{}\"", empty->node));
  }
  std::erase_if(*left, [](const Victims& victims) { return victims.pods.empty(); });
  candidates_ = *std::move(left);
  return {};
}

Result<std::vector<Victims>> ExtenderPreemption::Read(const ExtenderClient& client,
                                                      const Result<std::string>& body,
                                                      const FindNode& find) const {
  if (!body) return Fail(body.error());
  const auto answer = TRY(ReadPreemptionAnswer(*body));
  std::vector<Victims> left;
  for (const auto& [node, named] : answer) {
    left.push_back(TRY(Resolve(client, node, named, find)));
  }
  return left;
}

Result<Victims> ExtenderPreemption::Resolve(const ExtenderClient& client, const std::string& node,
                                            const MetaVictims& named, const FindNode& find) const {
  const auto claims = [&](const std::string& uid, std::string_view but) {
    return Fail(
        Reason::kInternalError,
        fmt::format("extender: {} claims to preempt pod (UID: &{{{}}}) on node: {}, but the "
                    "pod {}",
                    client.options().url_prefix, uid, node, but));
  };
  const NodeInfo* const info = find(node);
  if (info == nullptr) {
    return Fail(Reason::kNotFound, fmt::format("nodeinfo not found for node name \"{}\"", node));
  }
  Victims victims{.node = node};
  victims.budget_violations = static_cast<int>(
      std::clamp<int64_t>(named.budget_violations, 0, std::numeric_limits<int>::max()));
  std::set<std::string_view> seen;
  for (const std::string& uid : named.uids) {
    const auto pod = info->pods.find(uid);
    if (pod == info->pods.end()) return claims(uid, "is not found on that node");
    // Whoever may schedule a pod may not thereby end those that are worth as much.
    if (pod->second->priority >= pod_->priority) return claims(uid, "is not less important");
    if (seen.insert(uid).second) victims.pods.push_back(pod->second);
  }
  SortVictims(victims.pods);
  return victims;
}

void ExtenderBindings::Begin(ExtenderClient& client, PodPtr pod, const std::string& node,
                             Duration now, ExtenderTold told, Done done) {
  Wanted wanted{&client, std::move(pod), node, std::move(told), std::move(done)};
  const MutexLock lock(mutex_);
  if (under_way_.size() < kAtOnceMax) {
    Start(std::move(wanted), now);
  } else {
    waiting_.push_back(std::move(wanted));
  }
}

void ExtenderBindings::Start(Wanted wanted, Duration now) {
  auto call =
      wanted.client->Begin(wanted.client->options().bind_verb,
                           BindingQuestion(*wanted.pod, wanted.node), now, std::move(wanted.told));
  under_way_.push_back({std::move(call), std::move(wanted.done)});
}

Duration ExtenderBindings::Deliver(Duration now) {
  std::vector<std::pair<Done, Result<>>> over;
  std::vector<UnderWay> ended, left;  // Those that ended go when nothing is locked.
  Duration due = kNever;
  {
    const MutexLock lock(mutex_);
    for (UnderWay& each : under_way_) {
      const auto body = each.call->Take(now);
      if (body) over.emplace_back(std::move(each.done), BoundBy(*body));
      (body ? ended : left).push_back(std::move(each));
    }
    under_way_ = std::move(left);
    while (!waiting_.empty() && under_way_.size() < kAtOnceMax) {
      Start(std::move(waiting_.front()), now);
      waiting_.pop_front();
    }
    for (const UnderWay& each : under_way_) due = std::min(due, each.call->deadline());
  }
  for (auto& [done, bound] : over) done(std::move(bound));
  return due == kNever ? kNever : std::max(due - now, Duration::zero());
}

}  // namespace skiff::scheduler
