#include "skiff/status_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "api/codec/typed.h"
#include "api/text/human_duration.h"
#include "base/shell_word.h"
#include "base/terminal.h"
#include "cli/terminal_text.h"
#include "cli/why/explain.h"
#include "cli/why/facts.h"
#include "skiff/columns.h"
#include "skiff/ready_nodes.h"

namespace skiff {
namespace {

constexpr size_t kNodeRowsMax = 10;
constexpr size_t kNamesMax = 3;
// Of one object. Of an Ingress: two ports that it lacks, and why it is not served at all.
constexpr size_t kEventsMax = 10;
constexpr size_t kCalledMax = 50;
constexpr size_t kToldBesideMax = 72;

std::string PluralOf(const std::string& kind) {
  return kind + (kind.ends_with('s') ? "es" : "s");
}

// "12 Running, 2 Pending"
std::string Counts(const std::map<std::string, size_t>& by_word) {
  std::vector<std::string> parts;
  for (const auto& [word, count] : by_word) parts.push_back(fmt::format("{} {}", count, word));
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

// What is wrong, and beside it what to type; below it where a line would be wider than terminals
// are, or than this one is.
std::string TroubleText(const std::vector<std::vector<std::string>>& rows, size_t width) {
  const bool is_wide = std::any_of(rows.begin(), rows.end(),
                                   [](const auto& row) { return row[0].size() > kToldBesideMax; });
  if (!is_wide) {
    std::string beside = InColumns(rows);
    if (WidestLine(beside) <= width || width == 0) return beside;
  }
  std::string text;
  for (const auto& row : rows) text += row[0] + "\n      " + row[1] + "\n";
  return text;
}

bool IsSimulated(const core_v1::Node& node) {
  return cli::why::IsSimulatedRuntime(node.status.node_info.container_runtime_version);
}

// Since when the pod has been as the word says it is.
TimePoint WrongSince(const core_v1::Pod& pod, const std::string& word, TimePoint started) {
  TimePoint since = pod.metadata.creation_timestamp.point();
  // It was tried again and again, and each try may have made it ready for a moment.
  if (word.ends_with("BackOff")) return since;
  since = std::max(since, started);
  // The moment has the grace period in it.
  if (const auto& deleted = pod.metadata.deletion_timestamp) {
    return std::max(since, deleted->point());
  }
  for (const auto& condition : pod.status.conditions) {
    if (condition.type != "Ready" || condition.status == "True") continue;
    since = std::max(since, condition.last_transition_time.point());
  }
  return since;
}

}  // namespace

std::string StartingText(bool is_overdue, const std::string& error,
                         const std::string& data_dir_words) {
  return is_overdue
             ? "It is not usable after two minutes: " + error +
                   "\nThe log may say why; `skiff down --keep-data" + data_dir_words + "` ends it."
             : fmt::format("It is starting ({}).", error);
}

std::string BytesText(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (; amount >= 1000 && unit + 1 < std::size(kUnits); ++unit) amount /= 1000;
  return fmt::format("{:.{}f} {}", amount, unit > 0 && amount < 10 ? 1 : 0, kUnits[unit]);
}

void ClusterStatus::Add(const core_v1::Node& node) {
  const std::string& name = node.metadata.name;
  NodeRow row{.state = "Ready", .made = node.metadata.creation_timestamp.point()};
  if (!ReadyNodes::IsReady(node)) {
    row.state = "NotReady";
    TimePoint since = std::max(row.made, started_);
    for (const auto& condition : node.status.conditions) {
      if (condition.type != "Ready") continue;
      since = std::max(since, condition.last_transition_time.point());
    }
    if (!IsOnItsWay(row.state, since)) AddSymptom("node", row.state, "", name);
  }
  are_simulated_ = are_simulated_ && IsSimulated(node);
  for (const auto& condition : node.status.conditions) {
    if (condition.type == "Ready" || condition.status != "True") continue;
    AddSymptom("node", condition.type, "", name);
  }
  drains_ = drains_ || node.spec.unschedulable;
  if (node.spec.unschedulable) row.state += ",SchedulingDisabled";
  nodes_.insert_or_assign(name, std::move(row));
}

void ClusterStatus::Add(const core_v1::Pod& pod) {
  const auto& phase = pod.status.phase;
  ++pods_[phase.empty() ? "Unknown" : phase];
  if (!pod.spec.node_name.empty() && phase != "Succeeded" && phase != "Failed") {
    ++pods_on_[pod.spec.node_name];
  }
  // It has no endpoint, and tells itself what it waits for.
  if (pod.status.pod_ip.empty()) services_.AddIdle(pod.metadata.namespace_, pod.metadata.labels);
  if (phase == "Succeeded") return;
  // Of pods that it made again the Job tells, and whether it came to its end all the same.
  const auto* owner = ControllerOf(pod.metadata);
  if (phase == "Failed" && owner && owner->kind == "Job") return;
  const std::string word = cli::why::SymptomOf(ToJson(pod));
  if (word.empty() || IsOnItsWay(phase, WrongSince(pod, word, started_))) return;
  AddSymptom("pod", word, pod.metadata.namespace_, pod.metadata.name);
}

void ClusterStatus::Add(const core_v1::PersistentVolumeClaim& claim) {
  const std::string phase = claim.status.phase.empty() ? "Pending" : claim.status.phase;
  ++claims_[phase];
  for (const auto& each : claim.status.conditions) {
    const bool failed = each.type == "ControllerResizeError" || each.type == "NodeResizeError";
    if (failed && each.status == "True") {
      AddSymptom("claim", each.type, claim.metadata.namespace_, claim.metadata.name);
    }
  }
  if (phase == "Bound" ||
      IsOnItsWay(phase, std::max(claim.metadata.creation_timestamp.point(), started_))) {
    return;
  }
  AddSymptom("claim", phase, claim.metadata.namespace_, claim.metadata.name);
}

void ClusterStatus::Add(const core_v1::Event& event) {
  auto& known = events_[event.involved_object.uid];
  if (known.size() < kEventsMax) known.push_back(event);
}

void ClusterStatus::Add(const apps_v1::Deployment& deployment) {
  AddObject(deployment, SymptomOf(deployment, now_));
  const auto& spec = deployment.spec;
  if (spec.replicas.value_or(1) > 0) return;
  services_.AddIdle(deployment.metadata.namespace_, spec.template_.metadata.labels);
}

void ClusterStatus::Add(const apps_v1::StatefulSet& set) {
  AddMaker(set, "");
  if (set.spec.replicas.value_or(1) > 0) return;
  services_.AddIdle(set.metadata.namespace_, set.spec.template_.metadata.labels);
}

void ClusterStatus::Add(const apps_v1::DaemonSet& set) {
  AddMaker(set, "");
  if (set.status.desired_number_scheduled > 0) return;
  services_.AddIdle(set.metadata.namespace_, set.spec.template_.metadata.labels);
}

void ClusterStatus::Add(const core_v1::Service& service) {
  services_.Add(service);
  AddObject(service, SymptomOf(service, now_));
  AddObject(service, services_.SymptomOf(service));
}

void ClusterStatus::Add(const networking_v1::Ingress& ingress) {
  const auto& meta = ingress.metadata;
  // No controller can run there that would answer anything, or say why it does not.
  if (are_simulated_ && !nodes_.empty()) {
    const bool is_served = !ingress.status.load_balancer.ingress.empty();
    if (is_served || now_ - meta.creation_timestamp.point() < kSymptomPatience) return;
    return AddSymptom("ingress", "served by nobody, as all nodes are simulated", meta.namespace_,
                      meta.name);
  }
  if (const auto trouble = services_.TroubleOf(ingress)) {
    AddSymptom("ingress", trouble->word, ingress.metadata.namespace_, ingress.metadata.name,
               "service " + trouble->service);
  }
  const auto found = events_.find(ingress.metadata.uid);
  if (found == events_.end()) return;
  const Json object = ToJson(ingress);
  for (const core_v1::Event& event : found->second) {
    const std::string word = cli::why::SymptomOfIngress(object, ToJson(event));
    if (word.empty()) continue;
    AddSymptom("ingress", fmt::format("{} ({})", word, cli::why::OneLine(event.message)),
               ingress.metadata.namespace_, ingress.metadata.name);
  }
}

std::string ClusterStatus::RefusalOf(const std::string& uid) const {
  const auto found = events_.find(uid);
  if (found == events_.end()) return "";
  for (const core_v1::Event& event : found->second) {
    if (event.reason == "FailedCreate") return RefusalSymptom(event.message);
  }
  return "";
}

void ClusterStatus::Add(const batch_v1::CronJob& cron_job) {
  const auto& succeeded = cron_job.status.last_successful_time;
  if (succeeded) successes_[cron_job.metadata.uid] = succeeded->point();
  AddObject(cron_job, SymptomOf(cron_job, now_));
  services_.AddIdle(cron_job.metadata.namespace_,
                    cron_job.spec.job_template.spec.template_.metadata.labels);
}

void ClusterStatus::Add(const batch_v1::Job& job) {
  const auto* owner = ControllerOf(job.metadata);
  const auto success = owner ? successes_.find(owner->uid) : successes_.end();
  const bool is_past =
      success != successes_.end() && job.metadata.creation_timestamp.point() < success->second;
  if (!is_past) AddMaker(job, SymptomOf(job, now_));
  // Its pods end, and have no endpoints then.
  services_.AddIdle(job.metadata.namespace_, job.spec.template_.metadata.labels);
}

void ClusterStatus::Add(const policy_v1::PodDisruptionBudget& budget) {
  std::string word = SymptomOf(budget, now_);
  const bool blocks =
      drains_ && budget.status.expected_pods > 0 && budget.status.disruptions_allowed == 0;
  if (word.empty() && blocks) word = "allowing no eviction";
  AddObject(budget, word);
}

void ClusterStatus::AddCall(std::string_view kind, const std::string& name,
                            const std::string& service_namespace, const std::string& service) {
  const ObjectKey key{service_namespace, service};
  if (!calls_.contains(key) && calls_.size() == kCalledMax) return;
  const std::pair caller(std::string(kind), name);
  auto& callers = calls_[key];
  if (callers.empty() || callers.back() != caller) callers.push_back(caller);
}

template <typename Webhooks>
void ClusterStatus::AddCalls(const Webhooks& configuration) {
  for (const auto& webhook : configuration.webhooks) {
    const auto& service = webhook.client_config.service;
    if (!service) continue;
    AddCall(Webhooks::Info().singular, configuration.metadata.name, service->namespace_,
            service->name);
  }
}

void ClusterStatus::Add(const admissionregistration_v1::MutatingWebhookConfiguration& webhooks) {
  AddCalls(webhooks);
}

void ClusterStatus::Add(const admissionregistration_v1::ValidatingWebhookConfiguration& webhooks) {
  AddCalls(webhooks);
}

void ClusterStatus::Add(const apiextensions_v1::CustomResourceDefinition& definition) {
  AddObject(definition, SymptomOf(definition, now_));
  const auto& conversion = definition.spec.conversion;
  if (!conversion || !conversion->webhook || !conversion->webhook->client_config) return;
  const auto& service = conversion->webhook->client_config->service;
  if (!service) return;
  AddCall("customresourcedefinition", definition.metadata.name, service->namespace_, service->name);
}

std::vector<ObjectKey> ClusterStatus::CalledServices() const {
  std::vector<ObjectKey> services;
  for (const auto& [service, callers] : calls_) services.push_back(service);
  return services;
}

void ClusterStatus::AddUncallable(const ObjectKey& service, const std::string& what) {
  const auto found = calls_.find(service);
  if (found == calls_.end()) return;
  for (const auto& [kind, name] : found->second) {
    AddSymptom(kind,
               fmt::format("calling service {}/{} {}", service.namespace_, service.name, what), "",
               name);
  }
}

bool ClusterStatus::IsOnItsWay(const std::string& phase, TimePoint since) {
  if (phase == "Failed" || phase == "Lost" || now_ - since >= kSymptomPatience) return false;
  (phase == "Pending" ? waits_ : returns_) = true;
  return true;
}

void ClusterStatus::AddHealth(const std::string& lines,
                              const std::function<std::string(const std::string&)>& reason_of) {
  constexpr std::string_view kFailed = "[-]";
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kFailed)) continue;
    line.erase(0, kFailed.size());
    const std::string check = line.substr(0, line.find(' '));
    const std::string reason = reason_of ? reason_of(check) : "";
    AddTrouble(
        fmt::format("the server's check {} failed{}{}", check, reason.empty() ? "" : ": ", reason),
        "skiff get --raw " + ShellWord("/readyz?verbose"));
  }
}

void ClusterStatus::AddTrouble(const std::string& what, const std::string& command) {
  troubles_.push_back({what, command});
}

void ClusterStatus::AddSymptom(const std::string& kind, const std::string& word,
                               const std::string& object_namespace, const std::string& name,
                               const std::string& detail) {
  Symptom& symptom = symptoms_[{kind, word}];
  if (++symptom.count > kNamesMax) return;
  symptom.names.push_back((object_namespace.empty() ? name : object_namespace + "/" + name) +
                          (detail.empty() ? "" : " (" + detail + ")"));
  if (!symptom.command.empty()) return;
  // Of these `why` knows no more than their conditions.
  const bool describes = kind == "node" || kind.ends_with("webhookconfiguration") ||
                         kind == "certificatesigningrequest" || kind == "persistentvolume";
  symptom.command = fmt::format("skiff {} {} {}{}", describes ? "describe" : "why",
                                kind == "claim" ? "pvc" : kind, ShellWord(name),
                                object_namespace.empty() ? "" : " -n " + object_namespace);
}

std::vector<std::vector<std::string>> ClusterStatus::Troubles() const {
  auto rows = troubles_;
  for (const auto& [key, symptom] : symptoms_) {
    const auto& [kind, word] = key;
    const size_t more = symptom.count - symptom.names.size();
    rows.push_back(
        {fmt::format("{} {} {}: {}{}", symptom.count, symptom.count == 1 ? kind : PluralOf(kind),
                     word, fmt::join(symptom.names, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : ""),
         symptom.command});
  }
  for (auto& row : rows) {
    for (std::string& text : row) text = cli::WithoutControls(cli::why::OneLine(text));
    row[0] = "  " + row[0];
  }
  return rows;
}

Json ClusterStatus::Document() const {
  Json nodes = Json::array();
  for (const auto& [name, node] : nodes_) {
    const auto pods = pods_on_.find(name);
    nodes.push_back({{"name", name},
                     {"status", node.state},
                     {"pods", pods == pods_on_.end() ? size_t{0} : pods->second},
                     {"since", Time(node.made).Rfc3339()}});
  }
  Json problems = Json::array();
  for (const auto& row : Troubles()) {
    const size_t begin = row[0].find_first_not_of(' ');
    problems.push_back(
        {{"what", row[0].substr(std::min(begin, row[0].size()))}, {"command", row[1]}});
  }
  return {{"nodes", std::move(nodes)},
          {"pods", Json(pods_)},
          {"claims", Json(claims_)},
          {"problems", std::move(problems)}};
}

std::string ClusterStatus::Text(const cli::Colours& colours, size_t width) const {
  std::string text = "\n";
  if (nodes_.size() <= kNodeRowsMax) {
    std::vector<std::vector<std::string>> rows = {{"NODE", "STATUS", "PODS", "AGE"}};
    for (const auto& [name, node] : nodes_) {
      const auto pods = pods_on_.find(name);
      rows.push_back({name, cli::WithoutControls(node.state),
                      std::to_string(pods == pods_on_.end() ? 0 : pods->second),
                      HumanDuration(now_ - node.made)});
    }
    text += InColumns(rows) + "\n";
  } else {
    std::map<std::string, size_t> states;
    for (const auto& [name, node] : nodes_) ++states[node.state];
    text += fmt::format("Nodes   {}\n", cli::WithoutControls(Counts(states)));
  }
  text += fmt::format("Pods    {}\nClaims  {}\n\n", cli::WithoutControls(Counts(pods_)),
                      cli::WithoutControls(Counts(claims_)));
  if (is_well() && (waits_ || returns_)) {
    const char* what =
        returns_ ? "what is not ready has been so for less" : "what is Pending is younger";
    return text +
           colours.Waiting(fmt::format("Nothing is wrong so far: {} than {}.", what,
                                       HumanDuration(kSymptomPatience))) +
           "\n";
  }
  if (is_well()) return text + colours.Good("Nothing is wrong.") + "\n";
  return text + colours.Bad("What is wrong, and what says more of it:") + "\n" +
         TroubleText(Troubles(), width);
}

}  // namespace skiff
