// Why something that makes pods has too few: it makes none, it is refused, or they do not get
// ready.
#include <fmt/format.h>

#include "api/text/cron_schedule.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// How many pods there should be; nullopt of a CronJob.
struct Wanted {
  int64_t pods = 0;
  int64_t ready = 0;
  const char* path = "spec.replicas";
};

Wanted WantedOf(const Json& workload) {
  const std::string kind = TextAt(workload, "kind");
  const Json& status = At(workload, "status");
  if (kind == "DaemonSet") {
    return {IntAt(status, "desiredNumberScheduled"), IntAt(status, "numberReady"),
            "status.desiredNumberScheduled"};
  }
  if (kind == "Job") {
    return {IntOf(At(workload, "spec", "parallelism"), 1), IntAt(status, "ready"),
            "spec.parallelism"};
  }
  const Json& replicas = At(workload, "spec", "replicas");
  return {IntOf(replicas, 1), IntAt(status, "readyReplicas"), "spec.replicas"};
}

// "exceeded quota: small, requested: ..."; "" where none is named.
std::string QuotaOf(const std::string& message) {
  constexpr std::string_view kBefore = " quota: ";
  const size_t at = message.find(kBefore);
  if (at == message.npos) return "";
  const size_t begin = at + kBefore.size();
  return message.substr(begin, message.find_first_of(",: ", begin) - begin);
}

// "a", of `failed calling webhook "a": ...`; "" where nothing in quotes follows those words.
std::string QuotedAfter(const std::string& message, const std::string& words) {
  const size_t at = message.find(words + " \"");
  if (at == message.npos) return "";
  const size_t begin = at + words.size() + 2;
  return message.substr(begin, message.find('"', begin) - begin);
}

// "maximum cpu usage per Container is 1, ..."
bool IsOfLimitRange(const std::string& message) {
  const auto has = [&](const char* text) { return message.find(text) != message.npos; };
  return (has("maximum") || has("minimum")) && has("per ");
}

// The whole command line that shows more of it.
std::string CommandForRefusal(const Json& workload, const std::string& message) {
  const auto has = [&](const char* text) { return message.find(text) != message.npos; };
  // What pods are called may have any of the words below in it.
  if (has("error looking up service account")) {
    const std::string account = QuotedAfter(message, "serviceaccount");
    if (!account.empty()) return CommandFor(workload, "create serviceaccount " + ShellWord(account));
  }
  // Between spaces: a name may be "quota-7d9f" as well.
  if (has(" quota: ")) {
    const std::string quota = QuotaOf(message);
    return CommandFor(workload,
                      "describe resourcequota" + (quota.empty() ? "" : " " + ShellWord(quota)));
  }
  if (has("PodSecurity")) return CommandFor(workload, "get namespace --show-labels");
  // Those are in no namespace.
  if (has("webhook")) {
    return "skiff get validatingwebhookconfigurations,mutatingwebhookconfigurations";
  }
  if (has("ValidatingAdmissionPolicy")) return "skiff get validatingadmissionpolicies";
  if (IsOfLimitRange(message)) return CommandFor(workload, "describe limitranges");
  return CommandFor(workload, "get events --sort-by=.lastTimestamp");
}

// "--requests=cpu=AMOUNT", of "failed quota: small: must specify requests.cpu for: c"; "" of other
// words.
std::string FlagForUnsaid(const std::string& message) {
  constexpr std::string_view kBefore = "must specify ";
  const size_t at = message.find(kBefore);
  if (at == message.npos) return "";
  const size_t begin = at + kBefore.size();
  const std::string name = message.substr(begin, message.find_first_of(" ,;", begin) - begin);
  const size_t dot = name.find('.');
  const std::string resource = dot == name.npos ? name : name.substr(dot + 1);
  if (resource != "cpu" && resource != "memory") return "";
  return fmt::format("--{}={}=AMOUNT", name.starts_with("limits.") ? "limits" : "requests",
                     resource);
}

void AddRefusal(const Json& workload, const Json& maker, const std::string& message,
                const std::string& source, Findings& out) {
  Finding finding;
  finding.cause = "Refused";
  const RefusalCause cause = RefusalCauseOf(message);
  finding.sentence =
      fmt::format("{} cannot make its pods: {}", Named(workload),
                  cause.by.empty() ? cause.because : "what refuses them is " + cause.by);
  finding.Saw(OneLine(message), fmt::format("{}, {}", Named(maker), source));
  const std::string flag = FlagForUnsaid(message);
  if (!flag.empty() && TextAt(workload, "kind") != "Job") {  // Whose template stays as it is.
    finding.Try(
        CommandFor(workload, fmt::format("set resources {} {}", ShellWord(Named(workload)), flag)));
  }
  finding.Try(CommandForRefusal(workload, message));
  out.push_back(std::move(finding));
}

// The sets that a deployment works by, the newest first.
std::vector<const Json*> SetsOf(const Facts& facts, const Json& workload) {
  std::vector<const Json*> sets;
  for (const Json& each : facts.Of("replicasets")) {
    if (TextAt(Controller(each), "uid") == TextAt(workload, "metadata", "uid"))
      sets.push_back(&each);
  }
  std::stable_sort(sets.begin(), sets.end(), [](const Json* a, const Json* b) {
    return TextAt(*a, "metadata", "creationTimestamp") >
           TextAt(*b, "metadata", "creationTimestamp");
  });
  return sets;
}

// By the condition ReplicaFailure where the kind has it, else by the newest event: a refusal is
// over once something was made after it.
void ExplainRefusal(const Facts& facts, const Json& workload, Findings& out) {
  std::vector<const Json*> makers = {&workload};
  for (const Json* set : SetsOf(facts, workload)) makers.push_back(set);
  for (const Json* maker : makers) {
    const Json& failure = Condition(*maker, "ReplicaFailure");
    if (TextAt(failure, "status") != "True") continue;
    AddRefusal(workload, *maker, TextAt(failure, "message"), "condition ReplicaFailure", out);
    return;
  }
  const std::string kind = TextAt(workload, "kind");
  if (kind == "Deployment" || kind == "ReplicaSet" || kind == "ReplicationController") return;
  for (const Json* event : facts.EventsOf(workload)) {
    const std::string reason = TextAt(*event, "reason");
    if (reason == "SuccessfulCreate") return;
    if (reason != "FailedCreate") continue;
    AddRefusal(workload, workload, TextAt(*event, "message"), EventSource(facts, *event), out);
    return;
  }
}

// A deployment that was paused before it made anything: nothing of it is on its way.
void ExplainPaused(const Facts& facts, const Json& workload, Findings& out) {
  const bool made_none = TextAt(workload, "kind") == "Deployment" && facts.Has("replicasets") &&
                         SetsOf(facts, workload).empty();
  if (!made_none || !IsTrue(At(workload, "spec", "paused")) || WantedOf(workload).pods == 0) return;
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "Paused";
  finding.sentence =
      fmt::format("{} is paused, and makes no pods until it is resumed", Named(workload));
  finding.Saw("true", "spec.paused");
  finding.Saw("it has no ReplicaSet yet", "replicasets");
  finding.Try(CommandFor(workload, fmt::format("rollout resume {}", Named(workload))));
  out.push_back(std::move(finding));
}

// A change that no controller has taken up.
void ExplainUnseen(const Facts& facts, const Json& workload, Findings& out) {
  const int64_t generation = IntAt(workload, "metadata", "generation");
  const Json& observed = At(workload, "status", "observedGeneration");
  const std::string kind = TextAt(workload, "kind");
  if (kind == "Job" || kind == "CronJob" || generation == 0 || IntOf(observed) >= generation)
    return;
  const auto created = Time::Parse(TextAt(workload, "metadata", "creationTimestamp"));
  constexpr Duration kHaste = 5s;
  Finding finding;
  const bool fresh = created && facts.now - created->point() < kHaste;
  if (fresh) finding.weight = Weight::kWaits;
  finding.cause = "NotObserved";
  finding.sentence =
      fmt::format("{} was changed, and no controller has taken it up{}", Named(workload),
                  fresh ? " yet" : ": does the controller manager run?");
  finding.Saw(fmt::format("generation {}, observed {}", generation, IntOf(observed)),
              "metadata.generation, status.observedGeneration");
  finding.Saw(
      fmt::format("made {} ago", Age(facts, TextAt(workload, "metadata", "creationTimestamp"))),
      "metadata.creationTimestamp");
  if (!fresh) finding.Try("skiff get leases -n kube-system");
  out.push_back(std::move(finding));
}

void ExplainStalled(const Facts& facts, const Json& workload, Findings& out) {
  const Json& progress = Condition(workload, "Progressing");
  if (TextAt(progress, "reason") != "ProgressDeadlineExceeded") return;
  Finding finding;
  finding.cause = "ProgressDeadlineExceeded";
  finding.sentence =
      fmt::format("{}: its rollout has stood still for longer than {}s", Named(workload),
                  IntOf(At(workload, "spec", "progressDeadlineSeconds"), 600));
  finding.Saw(OneLine(TextAt(progress, "message")),
              fmt::format("condition Progressing, for {}",
                          Age(facts, TextAt(progress, "lastTransitionTime"))));
  // Where there is something to go back to.
  const bool is_first = facts.Has("replicasets") && SetsOf(facts, workload).size() < 2;
  finding.Try(CommandFor(
      workload, fmt::format("{} {}", is_first ? "describe" : "rollout undo", Named(workload))));
  out.push_back(std::move(finding));
}

// A Job that is over, or holds still.
void ExplainJob(const Facts& facts, const Json& job, Findings& out) {
  const Json& failed = Condition(job, "Failed");
  if (TextAt(failed, "status") == "True") {
    Finding finding;
    finding.cause = TextAt(failed, "reason");
    finding.sentence =
        fmt::format("{} has failed: {}", Named(job), OneLine(TextAt(failed, "message")));
    finding.Saw(
        fmt::format("{}, {} ago", finding.cause, Age(facts, TextAt(failed, "lastTransitionTime"))),
        "status.conditions");
    finding.Saw(fmt::format("{} failed of {} allowed", IntAt(job, "status", "failed"),
                            IntOf(At(job, "spec", "backoffLimit"), 6)),
                "status.failed, spec.backoffLimit");
    finding.Try(CommandFor(job, fmt::format("logs {}", Named(job))));
    out.push_back(std::move(finding));
  }
  if (!IsTrue(At(job, "spec", "suspend"))) return;
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "Suspended";
  finding.sentence = fmt::format("{} is suspended, and starts no pods", Named(job));
  finding.Saw("true", "spec.suspend");
  finding.Try(
      CommandFor(job, fmt::format("patch {} -p '{{\"spec\":{{\"suspend\":false}}}}'", Named(job))));
  out.push_back(std::move(finding));
}

// Whether no day is the schedule's: "0 0 30 2 *". Whatever the zone, as days are the same in all.
bool NeverComes(const Facts& facts, const std::string& schedule) {
  const auto parsed = CronSchedule::Parse(schedule);
  if (!parsed || parsed->every() > Duration(0)) return false;
  const std::chrono::local_time<std::chrono::minutes> now(
      std::chrono::floor<std::chrono::minutes>(facts.now.time_since_epoch()));
  return parsed->Next(now) == now;
}

// The event of a run that was passed over for the job that is active; nullptr: there was none.
const Json* PassedOver(const Facts& facts, const Json& cron) {
  // It may have been another policy's time when one was.
  if (TextAt(cron, "spec", "concurrencyPolicy") != "Forbid") return nullptr;
  const Json& active = At(cron, "status", "active");
  const Json* event = active.empty() ? nullptr : facts.Event(cron, "JobAlreadyActive");
  if (!event) return nullptr;
  const Json* job =
      facts.Find("jobs", TextAt(cron, "metadata", "namespace"), TextAt(active[0], "name"));
  const bool was_before =
      job && TextAt(*event, "lastTimestamp") < TextAt(*job, "metadata", "creationTimestamp");
  return was_before ? nullptr : event;
}

// Why it starts no jobs, or that it does.
Finding StartsOf(const Facts& facts, const Json& cron) {
  const std::string schedule = TextAt(cron, "spec", "schedule");
  const std::string last = TextAt(cron, "status", "lastScheduleTime");
  Finding finding;
  finding.Saw(schedule, "spec.schedule");
  if (IsTrue(At(cron, "spec", "suspend"))) {
    finding.weight = Weight::kWaits;
    finding.cause = "Suspended";
    finding.sentence = fmt::format("{} is suspended, and starts no jobs", Named(cron));
    finding.Saw("true", "spec.suspend");
    finding.Try(CommandFor(
        cron, fmt::format("patch {} -p '{{\"spec\":{{\"suspend\":false}}}}'", Named(cron))));
  } else if (NeverComes(facts, schedule)) {
    finding.cause = "NeverDue";
    finding.sentence =
        fmt::format("{} starts no jobs: its schedule {} is of no day of the next five years",
                    Named(cron), schedule);
    finding.Try(CommandFor(cron, fmt::format("edit {}", Named(cron))));
  } else if (const Json* passed = PassedOver(facts, cron)) {
    const std::string job = "job/" + TextAt(At(cron, "status", "active")[0], "name");
    finding.weight = Weight::kWaits;
    finding.cause = "JobAlreadyActive";
    finding.sentence = fmt::format("{} starts no job until {} is over, as it allows one at a time",
                                   Named(cron), job);
    finding.Saw(TextAt(cron, "spec", "concurrencyPolicy"), "spec.concurrencyPolicy");
    finding.Saw(OneLine(TextAt(*passed, "message")), EventSource(facts, *passed));
    finding.Try(CommandFor(cron, fmt::format("why {}", ShellWord(job))));
  } else {
    finding.weight = Weight::kFine;
    finding.cause = "Fine";
    finding.sentence = fmt::format(
        "{} starts jobs by its schedule {}; {}", Named(cron), schedule,
        last.empty() ? "there was none yet" : fmt::format("its last was {} ago", Age(facts, last)));
  }
  return finding;
}

void ExplainCronJob(const Facts& facts, const Json& cron, Findings& out) {
  Finding finding = StartsOf(facts, cron);
  const Json* newest = nullptr;
  for (const Json& job : facts.Of("jobs")) {
    if (TextAt(Controller(job), "uid") != TextAt(cron, "metadata", "uid")) continue;
    const bool newer = !newest || TextAt(job, "metadata", "creationTimestamp") >
                                      TextAt(*newest, "metadata", "creationTimestamp");
    if (newer) newest = &job;
  }
  Findings of_job;
  if (newest) ExplainJob(facts, *newest, of_job);
  if (newest && of_job.empty() && finding.cause != "JobAlreadyActive" &&
      TextAt(Condition(*newest, "Complete"), "status") != "True") {
    finding.Saw(Named(*newest) + " is not over", "jobs");
    finding.Try(CommandFor(cron, fmt::format("why {}", ShellWord(Named(*newest)))));
  }
  for (const Json* event : facts.EventsOf(cron)) {
    if (TextAt(*event, "type") != "Warning") continue;
    finding.Saw(OneLine(TextAt(*event, "message")), EventSource(facts, *event));
    break;
  }
  out.push_back(std::move(finding));
  out.insert(out.end(), of_job.begin(), of_job.end());
}

// The pods, one of each symptom in full.
void ExplainPods(const Facts& facts, const Json& workload, Findings& out) {
  const auto& pods = facts.Of("own pods");
  auto symptoms = SymptomsOf(pods);
  std::erase_if(symptoms, [](const Symptom& each) { return each.word == "Terminating"; });
  const Wanted wanted = WantedOf(workload);
  for (size_t i = 0; i < std::min(symptoms.size(), kSymptomsMax); ++i) {
    const Symptom& symptom = symptoms[i];
    Findings own;
    ExplainPod(facts, *symptom.pods[0], own);
    if (!own.empty() && symptom.pods.size() > 1) {
      std::vector<std::string> names;
      for (const Json* pod : symptom.pods) names.push_back(NameOf(*pod));
      own[0].Saw(fmt::format("{} suffer alike ({}): {}", Count(names.size(), "pod"), symptom.word,
                             Some(names)),
                 "pods");
    }
    out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  }
  const bool job = TextAt(workload, "kind") == "Job";
  if (!facts.Has("own pods") || AnyTrouble(out) || job || wanted.ready >= wanted.pods) return;
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "TooFewPods";
  finding.sentence =
      fmt::format("{} has {} of {} ready, and more are on their way", Named(workload), wanted.ready,
                  Count(static_cast<size_t>(wanted.pods), "pod"));
  finding.Saw(fmt::format("{} exist", pods.size()), "pods");
  out.push_back(std::move(finding));
}

void SayWorkloadFine(const Facts& facts, const Json& workload, Findings& out) {
  const Wanted wanted = WantedOf(workload);
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  const Json& complete = Condition(workload, "Complete");
  if (TextAt(complete, "status") == "True") {
    finding.sentence = fmt::format("{} is complete; nothing is wrong", Named(workload));
    finding.Saw(fmt::format("{} ago", Age(facts, TextAt(complete, "lastTransitionTime"))),
                "condition Complete");
  } else if (wanted.pods == 0) {
    finding.sentence = TextAt(workload, "kind") == "DaemonSet"
                           ? fmt::format("{} has no pods, as no node suits it", Named(workload))
                           : fmt::format("{} has no pods, as it is scaled to 0", Named(workload));
    finding.Saw("0", wanted.path);
    if (TextAt(workload, "kind") == "DaemonSet") {
      finding.weight = Weight::kWaits;
      finding.cause = "NoNodes";
      finding.Saw(PlainText(At(workload, "spec", "template", "spec", "nodeSelector")),
                  "spec.template.spec.nodeSelector");
      finding.Try("skiff get nodes --show-labels");
    } else {
      finding.Try(CommandFor(workload, fmt::format("scale {} --replicas=1", Named(workload))));
    }
  } else {
    finding.sentence =
        TextAt(workload, "kind") == "Job"
            ? fmt::format("{} is at work; nothing is wrong", Named(workload))
            : fmt::format("{} has all of its {} ready; nothing is wrong", Named(workload),
                          Count(static_cast<size_t>(wanted.pods), "pod"));
    finding.Saw(fmt::format("{} wanted, {} ready", wanted.pods, wanted.ready), wanted.path);
  }
  if (IsTrue(At(workload, "spec", "paused"))) {
    finding.Saw("it is paused: changes of its template are not rolled out", "spec.paused");
    finding.Try(CommandFor(workload, fmt::format("rollout resume {}", Named(workload))));
  }
  out.insert(out.begin(), std::move(finding));
}

// Which of those who may refuse pods the words of the server are of; "": none.
std::string RefuserOf(const std::string& message) {
  const auto has = [&](const char* text) { return message.find(text) != message.npos; };
  if (has("exceeded quota") || has("failed quota")) {
    const std::string quota = QuotaOf(message);
    return quota.empty() ? "a resource quota" : "resource quota " + quota;
  }
  if (has("violates PodSecurity")) return "the namespace's pod security level";
  if (const auto webhook = QuotedAfter(message, "failed calling webhook"); !webhook.empty()) {
    return fmt::format("webhook {}, which cannot be asked", webhook);
  }
  if (has("admission webhook")) {
    const std::string webhook = QuotedAfter(message, "webhook");
    return webhook.empty() ? "an admission webhook" : "admission webhook " + webhook;
  }
  if (has("ValidatingAdmissionPolicy")) return "an admission policy";
  if (IsOfLimitRange(message)) return "a limit range";
  return "";
}

}  // namespace

RefusalCause RefusalCauseOf(const std::string& message) {
  const auto has = [&](const char* text) { return message.find(text) != message.npos; };
  if (std::string by = RefuserOf(message); !by.empty()) return {std::move(by), ""};
  if (has("serviceaccount") && has("not found")) {
    const std::string account = QuotedAfter(message, "serviceaccount");
    return {"", account.empty() ? "its service account does not exist"
                                : "there is no service account " + account};
  }
  if (has("being terminated")) return {"", "the namespace is being deleted"};
  return {"the server", ""};
}

void ExplainWorkload(const Facts& facts, const Json& workload, Findings& out) {
  const std::string kind = TextAt(workload, "kind");
  if (kind == "CronJob") return ExplainCronJob(facts, workload, out);
  Findings own;
  ExplainUnseen(facts, workload, own);
  if (kind == "Job") ExplainJob(facts, workload, own);
  ExplainRefusal(facts, workload, own);
  ExplainPaused(facts, workload, own);
  ExplainPods(facts, workload, own);
  ExplainStalled(facts, workload, own);
  if (!AnyTrouble(own)) SayWorkloadFine(facts, workload, own);
  out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace skiff::cli::why
