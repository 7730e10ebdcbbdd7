// Why a claim has no volume.
#include <fmt/format.h>

#include <set>

#include "api/codec/typed.h"
#include "api/gen/core_v1.h"
#include "cli/why/explain.h"
#include "cli/why/scheduling.h"

namespace skiff::cli::why {
namespace {

constexpr char kDefaultClass[] = "storageclass.kubernetes.io/is-default-class";
constexpr char kNoProvisioner[] = "kubernetes.io/no-provisioner";

int64_t BytesOf(const Json& amount) {
  const auto quantity = Quantity::Parse(PlainText(amount));
  return quantity ? quantity->Value() : 0;
}

std::string SizeText(int64_t bytes) {
  return AmountText("memory", bytes);
}

std::vector<std::string> ClassNames(const Facts& facts) {
  std::vector<std::string> names;
  for (const Json& each : facts.Of("storageclasses")) {
    const bool is_default = TextAt(each, "metadata", "annotations", kDefaultClass) == "true";
    names.push_back(NameOf(each) + (is_default ? " (default)" : ""));
  }
  return names;
}

// What of a volume does not suit the claim; "" when all of it does. `short_by` is in bytes.
std::string Misfit(const Json& claim, const Json& volume, int64_t& short_by) {
  short_by = 0;
  const Json& spec = At(volume, "spec");
  if (const Json& holder = At(spec, "claimRef"); holder.is_object()) {
    const bool own = TextAt(holder, "name") == NameOf(claim) &&
                     TextAt(holder, "namespace") == NamespaceOf(claim);
    if (!own) {
      return fmt::format("is {} for claim {}/{}",
                         TextAt(volume, "status", "phase") == "Released" ? "still kept" : "taken",
                         TextAt(holder, "namespace"), TextAt(holder, "name"));
    }
    // Its claim of that name is gone, and this is another.
    const std::string uid = TextAt(holder, "uid");
    if (!uid.empty() && uid != TextAt(claim, "metadata", "uid")) {
      return "is still kept for a claim of that name that was deleted";
    }
  }
  const auto offered = TextsAt(spec, "accessModes");
  for (const std::string& mode : TextsAt(At(claim, "spec"), "accessModes")) {
    if (std::find(offered.begin(), offered.end(), mode) == offered.end()) {
      return fmt::format("does not offer {}, only {}", mode, Join(offered, ", "));
    }
  }
  const auto mode_of = [](const Json& of) {
    const std::string mode = TextAt(of, "volumeMode");
    return mode.empty() ? std::string("Filesystem") : mode;
  };
  if (mode_of(spec) != mode_of(At(claim, "spec"))) return "is of volume mode " + mode_of(spec);
  const Json& selector = At(claim, "spec", "selector");
  if (selector.is_object() && !Selects(selector, At(volume, "metadata", "labels"))) {
    return "does not have the labels that the claim selects";
  }
  const int64_t wanted = BytesOf(At(claim, "spec", "resources", "requests", "storage"));
  const int64_t size = BytesOf(At(spec, "capacity", "storage"));
  if (size >= wanted) return "";
  short_by = wanted - size;
  return fmt::format("is too small: {} of {}, short by {}", SizeText(size), SizeText(wanted),
                     SizeText(short_by));
}

// Where only volumes that exist will do: which there are of the class, and what is wrong with each.
// What is wrong with one that is alone is part of the sentence.
void AddVolumes(const Facts& facts, const Json& claim, Finding& finding) {
  if (!facts.Has("persistentvolumes")) return;
  const std::string wanted = TextAt(claim, "spec", "storageClassName");
  constexpr size_t kShownMax = 5;
  size_t of_class = 0;
  std::vector<std::string> others;
  const Json* nearest = nullptr;
  int64_t least = INT64_MAX;
  std::string of_first;
  for (const Json& volume : facts.Of("persistentvolumes")) {
    if (TextAt(volume, "spec", "storageClassName") != wanted) {
      others.push_back(NameOf(volume));
      continue;
    }
    int64_t short_by = 0;
    const std::string misfit = Misfit(claim, volume, short_by);
    if (of_class == 0 && !misfit.empty()) of_first = NameOf(volume) + ", " + misfit;
    if (++of_class <= kShownMax) {
      finding.Saw(misfit.empty() ? "would suit it" : misfit, "persistentvolume/" + NameOf(volume));
    }
    if (short_by > 0 && short_by < least) {
      least = short_by;
      nearest = &volume;
    }
  }
  if (of_class > kShownMax)
    finding.Saw(fmt::format("and {} more", of_class - kShownMax), "persistentvolumes");
  if (nearest) {
    finding.sentence +=
        fmt::format("; the nearest, {}, is short by {}", NameOf(*nearest), SizeText(least));
  } else if (of_class == 1 && !of_first.empty()) {
    finding.sentence += "; the only one, " + of_first;
  }
  if (of_class == 0) {
    finding.Saw(facts.Of("persistentvolumes").empty()
                    ? "the cluster has no volumes"
                    : Some(others) +
                          (others.size() == 1 ? " is of another class" : " are of other classes"),
                "persistentvolumes");
  }
}

void AddLastEvent(const Facts& facts, const Json& claim, Finding& finding) {
  const auto events = facts.EventsOf(claim);
  if (events.empty()) return;
  finding.Saw(OneLine(TextAt(*events[0], "message")), EventSource(facts, *events[0]));
}

// A claim without a class takes only volumes without one.
void ExplainClassless(const Facts& facts, const Json& claim, Findings& out) {
  Finding finding;
  finding.cause = "NoClass";
  finding.sentence = fmt::format(
      "{} is pending: it names no storage class, {}, and no volume fits", Named(claim),
      At(claim, "spec").contains("storageClassName") ? "which leaves it to volumes made by hand"
                                                     : "no class is the default");
  if (facts.Has("storageclasses")) {
    const auto names = ClassNames(facts);
    finding.Saw(names.empty() ? "the cluster has none" : Some(names), "storageclasses");
  }
  AddVolumes(facts, claim, finding);
  AddLastEvent(facts, claim, finding);
  finding.Try("skiff get storageclasses");
  out.push_back(std::move(finding));
}

// A class need not exist for volumes that are made by hand to be of it: where there are some, what
// is wrong is that none of them fits.
void ExplainNoSuchClass(const Facts& facts, const Json& claim, Findings& out) {
  const std::string wanted = TextAt(claim, "spec", "storageClassName");
  const auto& volumes = facts.Of("persistentvolumes");
  const bool by_hand = std::any_of(volumes.begin(), volumes.end(), [&](const Json& each) {
    return TextAt(each, "spec", "storageClassName") == wanted;
  });
  const auto suiting = VolumesThatFit(facts, claim);
  Finding finding;
  finding.cause = !by_hand ? "NoSuchClass" : suiting.empty() ? "NoVolume" : "NotBoundYet";
  if (!suiting.empty()) finding.weight = Weight::kWaits;
  finding.sentence =
      !by_hand ? fmt::format("{} is pending: there is no storage class {}, which it names",
                             Named(claim), wanted)
      : suiting.empty()
          ? fmt::format("{} is pending: no volume of class {} fits", Named(claim), wanted)
          : fmt::format("{} is pending: it is not bound yet to a volume of class {} that fits",
                        Named(claim), wanted);
  const auto names = ClassNames(facts);
  finding.Saw((by_hand ? fmt::format("no class {}, so that nobody makes a volume; ", wanted) : "") +
                  (names.empty() ? "the cluster has none" : "there are: " + Some(names)),
              "storageclasses");
  AddVolumes(facts, claim, finding);
  AddLastEvent(facts, claim, finding);
  finding.Try(by_hand ? "skiff get persistentvolumes" : "skiff get storageclasses");
  out.push_back(std::move(finding));
}

// It is bound once a pod that uses it has a node.
void ExplainDelayed(const Facts& facts, const Json& claim, Findings& out) {
  const auto users = UsersOf(facts, claim);
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "WaitForFirstConsumer";
  finding.sentence =
      users.empty()
          ? fmt::format("{} waits for a pod that uses it, as its class wants: nothing is wrong yet",
                        Named(claim))
          : fmt::format("{} waits until {} that uses it has a node", Named(claim),
                        users.size() == 1 ? "pod " + users[0] : "one of the pods " + Some(users));
  finding.Saw("WaitForFirstConsumer", fmt::format("storageclass/{} volumeBindingMode",
                                                  TextAt(claim, "spec", "storageClassName")));
  if (facts.Has("pods") && users.empty()) finding.Saw("no pod uses it", "pods");
  if (const Json* of = facts.Find("storageclasses", "", TextAt(claim, "spec", "storageClassName"));
      users.empty() && of && TextAt(*of, "provisioner") == kNoProvisioner &&
      facts.Has("persistentvolumes") && VolumesThatFit(facts, claim).empty()) {
    finding.Saw("none of its class fits, and nobody makes one: a pod alone will not do",
                "persistentvolumes");
  }
  AddLastEvent(facts, claim, finding);
  if (!users.empty()) finding.Try(CommandFor(claim, fmt::format("why pod/{}", users[0])));
  out.push_back(std::move(finding));
}

// Somebody is to make a volume, and has not.
void ExplainProvisioning(const Facts& facts, const Json& claim, const std::string& provisioner,
                         Findings& out) {
  Finding finding;
  finding.cause = "Provisioning";
  finding.weight = Weight::kWaits;
  finding.sentence = fmt::format("{} is pending: the provisioner {} has made no volume for it yet",
                                 Named(claim), provisioner);
  if (const Json* failed = facts.Event(claim, "ProvisioningFailed")) {
    finding.weight = Weight::kWrong;
    finding.sentence = fmt::format("{} is pending: the provisioner {} fails to make a volume",
                                   Named(claim), provisioner);
    finding.Saw(OneLine(TextAt(*failed, "message")), EventSource(facts, *failed));
  } else if (facts.Has("csidrivers") && facts.Find("csidrivers", "", provisioner) == nullptr &&
             facts.Event(claim, "Provisioning") == nullptr) {
    const bool asked = facts.Event(claim, "ExternalProvisioning") != nullptr;
    if (asked) {
      finding.weight = Weight::kWrong;
      finding.cause = "ProvisionerMissing";
      finding.sentence = fmt::format(
          "{} is pending: its class leaves it to the provisioner {}, of which there is no sign "
          "here",
          Named(claim), provisioner);
    }
    finding.Saw("no driver of that name is registered", "csidrivers");
  }
  finding.Saw(provisioner, fmt::format("storageclass/{} provisioner",
                                       TextAt(claim, "spec", "storageClassName")));
  finding.Saw(fmt::format("for {}", Age(facts, TextAt(claim, "metadata", "creationTimestamp"))),
              "metadata.creationTimestamp");
  if (!facts.Event(claim, "ProvisioningFailed")) AddLastEvent(facts, claim, finding);
  finding.Try(CommandFor(claim, fmt::format("describe pvc {}", NameOf(claim))));
  out.push_back(std::move(finding));
}

// It names a volume.
void ExplainNamedVolume(const Facts& facts, const Json& claim, const std::string& name,
                        Findings& out) {
  Finding finding;
  finding.cause = "NamedVolume";
  const Json* volume = facts.Find("persistentvolumes", "", name);
  int64_t short_by = 0;
  const std::string misfit = volume ? Misfit(claim, *volume, short_by) : "";
  const bool classes_differ = volume && TextAt(*volume, "spec", "storageClassName") !=
                                            TextAt(claim, "spec", "storageClassName");
  finding.sentence =
      fmt::format("{} is pending: it names the volume {}, which {}", Named(claim), name,
                  !volume           ? "does not exist"
                  : !misfit.empty() ? misfit
                  : classes_differ  ? "is of another class"
                                    : "is not bound to it yet");
  finding.weight = volume && misfit.empty() && !classes_differ ? Weight::kWaits : Weight::kWrong;
  finding.Saw(name, "spec.volumeName");
  AddLastEvent(facts, claim, finding);
  finding.Try(volume ? fmt::format("skiff get persistentvolume {} -o yaml", ShellWord(name))
                     : "skiff get persistentvolumes");
  out.push_back(std::move(finding));
}

void ExplainUnfitted(const Facts& facts, const Json& claim, Findings& out) {
  Finding finding;
  finding.cause = "NoVolume";
  finding.sentence = fmt::format("{} is pending: no volume of class {} fits", Named(claim),
                                 TextAt(claim, "spec", "storageClassName"));
  AddVolumes(facts, claim, finding);
  AddLastEvent(facts, claim, finding);
  finding.Try("skiff get persistentvolumes");
  out.push_back(std::move(finding));
}

void ExplainPending(const Facts& facts, const Json& claim, Findings& out) {
  const std::string volume = TextAt(claim, "spec", "volumeName");
  if (!volume.empty() && facts.Has("persistentvolumes")) {
    return ExplainNamedVolume(facts, claim, volume, out);
  }
  const std::string name = TextAt(claim, "spec", "storageClassName");
  if (name.empty()) return ExplainClassless(facts, claim, out);
  const Json* storage_class = facts.Find("storageclasses", "", name);
  if (!storage_class && facts.Has("storageclasses")) return ExplainNoSuchClass(facts, claim, out);
  const Json none;
  const Json& known = storage_class ? *storage_class : none;
  const std::string provisioner = TextAt(known, "provisioner");
  const bool delayed = TextAt(known, "volumeBindingMode") == "WaitForFirstConsumer";
  const bool placed =
      !TextAt(claim, "metadata", "annotations", "volume.kubernetes.io/selected-node").empty();
  if (delayed && !placed && !facts.Event(claim, "ProvisioningFailed")) {
    // Its pod has no node as there is no volume: it does not wait for the pod.
    const bool wanted = !UsersOf(facts, claim).empty();
    if (wanted && ExplainLackOfVolumes(facts, claim, out)) return;
    return ExplainDelayed(facts, claim, out);
  }
  if (!provisioner.empty() && provisioner != kNoProvisioner) {
    return ExplainProvisioning(facts, claim, provisioner, out);
  }
  ExplainUnfitted(facts, claim, out);
}

void ExplainLeavingClaim(const Facts& facts, const Json& claim, Findings& out) {
  const auto users = UsersOf(facts, claim);
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "Terminating";
  finding.sentence =
      fmt::format("{} is being deleted{}", Named(claim),
                  users.empty() ? "" : ", and stays as long as pods use it: " + Some(users));
  finding.Saw(Some(TextsAt(At(claim, "metadata"), "finalizers")), "metadata.finalizers");
  if (!users.empty()) finding.Try(CommandFor(claim, fmt::format("delete pod {}", users[0])));
  out.push_back(std::move(finding));
}

void SayBound(const Facts& facts, const Json& claim, Findings& out) {
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  finding.sentence = fmt::format("{} is bound to the volume {} of {}; nothing is wrong",
                                 Named(claim), TextAt(claim, "spec", "volumeName"),
                                 PlainText(At(claim, "status", "capacity", "storage")));
  finding.Saw("Bound", "status.phase");
  const auto users = UsersOf(facts, claim);
  if (facts.Has("pods")) {
    finding.Saw(users.empty() ? "no pod uses it" : "used by " + Some(users), "pods");
  }
  out.push_back(std::move(finding));
  for (const char* type :
       {"FileSystemResizePending", "Resizing", "ControllerResizeError", "NodeResizeError"}) {
    const Json& condition = Condition(claim, type);
    if (TextAt(condition, "status") != "True") continue;
    Finding resize;
    resize.weight = Weight::kWaits;
    resize.cause = type;
    resize.sentence = fmt::format("{} is to grow to {}, and has not yet", Named(claim),
                                  PlainText(At(claim, "spec", "resources", "requests", "storage")));
    resize.Saw(fmt::format("{}: {}", type, OneLine(TextAt(condition, "message"))),
               "status.conditions");
    out.push_back(std::move(resize));
  }
}

}  // namespace

std::vector<std::string> UsersOf(const Facts& facts, const Json& claim) {
  std::vector<std::string> names;
  for (const Json& pod : facts.Of("pods")) {
    if (NamespaceOf(pod) != NamespaceOf(claim)) continue;
    for (const Json& volume : At(pod, "spec", "volumes")) {
      const bool ephemeral = At(volume, "ephemeral").is_object() &&
                             NameOf(pod) + "-" + TextAt(volume, "name") == NameOf(claim);
      if (TextAt(volume, "persistentVolumeClaim", "claimName") == NameOf(claim) || ephemeral) {
        names.push_back(NameOf(pod));
        break;
      }
    }
  }
  return names;
}

std::vector<std::string> VolumesThatFit(const Facts& facts, const Json& claim) {
  std::vector<std::string> names;
  for (const Json& volume : facts.Of("persistentvolumes")) {
    int64_t short_by = 0;
    const bool of_class =
        TextAt(volume, "spec", "storageClassName") == TextAt(claim, "spec", "storageClassName");
    if (of_class && Misfit(claim, volume, short_by).empty()) names.push_back(NameOf(volume));
  }
  return names;
}

bool ExplainLackOfVolumes(const Facts& facts, const Json& claim, Findings& out) {
  const Json* storage_class =
      facts.Find("storageclasses", "", TextAt(claim, "spec", "storageClassName"));
  const bool by_hand = storage_class && TextAt(*storage_class, "provisioner") == kNoProvisioner;
  if (!by_hand || !facts.Has("persistentvolumes") || !VolumesThatFit(facts, claim).empty()) {
    return false;
  }
  ExplainUnfitted(facts, claim, out);
  return true;
}

void ExplainClaim(const Facts& facts, const Json& claim, Findings& out) {
  if (!TextAt(claim, "metadata", "deletionTimestamp").empty())
    return ExplainLeavingClaim(facts, claim, out);
  const std::string phase = TextAt(claim, "status", "phase");
  const std::string volume = TextAt(claim, "spec", "volumeName");
  if (phase == "Bound") return SayBound(facts, claim, out);
  if (phase != "Lost") return ExplainPending(facts, claim, out);
  Finding finding;
  finding.cause = "Lost";
  finding.sentence =
      fmt::format("{} has lost its volume {}, which does not exist any more", Named(claim), volume);
  finding.Saw("Lost", "status.phase");
  AddLastEvent(facts, claim, finding);
  if (const auto users = UsersOf(facts, claim); !users.empty()) {
    finding.Saw("used by " + Some(users), "pods");
  }
  finding.Saw(fmt::format("a volume {} that leads to the same storage, made again, is bound to it "
                          "again; to begin anew, delete the claim and make it without volumeName",
                          volume),
              "spec.volumeName");
  finding.Try(CommandFor(claim, fmt::format("delete pvc {}", ShellWord(NameOf(claim)))));
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
