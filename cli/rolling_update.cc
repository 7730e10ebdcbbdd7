// `rolling-update`: one replication controller takes over from another, pod by pod, as kubectl did
// until 1.17. What it is about is kept in annotations, so that an interrupted run goes on.
//
//   start ──► old: original-replicas=2, new: desired-replicas=2, update-source-id=OLD:UID
//   loop      scale new up ──► wait ──► pause ──► scale old down      until new = desired, old = 0
//   end       annotations off; old deleted; in one-name mode new is renamed to old
#include "cli/rolling_update.h"

#include "api/text/go_text.h"
#include "base/hash.h"
#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/rollout.h"
#include "cli/scale.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

constexpr char kDesired[] = "kubectl.kubernetes.io/desired-replicas";
constexpr char kSource[] = "kubectl.kubernetes.io/update-source-id";
constexpr char kOriginal[] = "kubectl.kubernetes.io/original-replicas";
constexpr char kNext[] = "kubectl.kubernetes.io/next-controller-id";

std::string Annotation(const Json& object, const char* name) {
  return TextAt(object, "metadata", "annotations", name);
}

int64_t Replicas(const Json& controller) {
  return IntAt(controller, "spec", "replicas");
}

std::string SourceId(const Json& controller) {
  return fmt::format("{}:{}", NameOf(controller), TextAt(controller, "metadata", "uid"));
}

}  // namespace

int64_t ScaleUpTarget(const RollingSizes& sizes) {
  const int64_t room = sizes.desired + sizes.surge_max - (sizes.old_size + sizes.new_size);
  // The old one is gone: nothing holds the new one back.
  const int64_t step = sizes.old_size == 0 ? sizes.desired - sizes.new_size : room;
  if (step <= 0) return sizes.new_size;
  return std::min(sizes.new_size + step, sizes.desired);
}

int64_t ScaleDownTarget(const RollingSizes& sizes) {
  if (sizes.new_size == sizes.desired && sizes.new_available >= sizes.desired) return 0;
  const int64_t unavailable = sizes.new_size - sizes.new_available;
  const int64_t step = sizes.old_size + sizes.new_size - sizes.available_min - unavailable;
  if (step <= 0) return sizes.old_size;
  return std::max<int64_t>(sizes.old_size - step, 0);
}

RollingUpdater::RollingUpdater(Command& command, Session& session, const Resource& controllers,
                               RollingUpdateOptions options)
    : command_(command), session_(session), controllers_(controllers), options_(options) {}

Result<Json> RollingUpdater::Get(const std::string& name) {
  return session_.api().Get(controllers_, {session_.namespace_(), name});
}

Result<Json> RollingUpdater::Annotate(const std::string& name, const Json& annotations) {
  const Json patch = {{"metadata", {{"annotations", annotations}}}};
  return session_.api().Patch(controllers_, {session_.namespace_(), name}, PatchType::kMerge, patch,
                              {});
}

Result<> RollingUpdater::ScaleTo(Json& controller, int64_t replicas) {
  const ObjectKey key = {session_.namespace_(), NameOf(controller)};
  TRY(ScaleObject(session_, controllers_, key, {.replicas = replicas}));
  const auto followed = WaitForScale(session_, controllers_, key, replicas, options_.timeout);
  if (!followed) return followed;
  controller = TRY(Get(key.name));
  return {};
}

Result<int64_t> RollingUpdater::Available(const Json& controller) {
  const ServedKind pods = TRY(session_.kinds().Find("pods"));
  ListOptions options;
  options.namespace_ = session_.namespace_();
  options.label_selector = SelectorText(At(controller, "spec", "selector"));
  const JsonList list = TRY(session_.api().List(pods.resource, options));
  int64_t available = 0;
  for (const Json& pod : list.items) {
    if (!At(pod, "metadata", "deletionTimestamp").is_null()) continue;
    for (const Json& condition : At(pod, "status", "conditions")) {
      if (TextAt(condition, "type") == "Ready" && TextAt(condition, "status") == "True") {
        ++available;
      }
    }
  }
  return available;
}

// The new controller, made with no replicas; or the one of a run that was interrupted.
Result<Json> RollingUpdater::Begin(const Json& old, Json fresh) {
  const std::string name = NameOf(fresh);
  auto existing = Get(name);
  if (existing) {
    if (Annotation(*existing, kSource) != SourceId(old)) {
      return CliError(
          fmt::format("Missing/unexpected annotations for controller {}, expected {} : "
                      "{}",
                      name, kSource, SourceId(old)));
    }
    command_.Print("Continuing update with existing controller {}.\n", name);
    return existing;
  }
  if (existing.error().reason != Reason::kNotFound) return existing;
  int64_t desired = IntOf(At(fresh, "spec", "replicas"), -1);
  if (desired < 0) desired = Replicas(old);
  if (desired <= 0) {
    return CliError(
        fmt::format("Invalid controller spec for {}; required: > 0 replicas, actual: "
                    "{}",
                    name, desired));
  }
  Json& annotations = fresh["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations[kDesired] = std::to_string(desired);
  annotations[kSource] = SourceId(old);
  fresh["spec"]["replicas"] = 0;
  Json created = TRY(session_.api().Create(controllers_, session_.namespace_(), fresh, {}));
  command_.Print("Created {}\n", name);
  return created;
}

Result<> RollingUpdater::Loop(Json& old, Json& fresh, int64_t desired) {
  RollingSizes sizes;
  sizes.desired = desired;
  const int64_t unavailable_max = desired == 0 ? Replicas(old) : 0;
  sizes.available_min = desired == 0 ? 0 : std::max<int64_t>(0, desired - unavailable_max);
  command_.Print(
      "Scaling up {} from {} to {}, scaling down {} from {} to 0 (keep {} pods "
      "available, don't exceed {} pods)\n",
      NameOf(fresh), Replicas(fresh), desired, NameOf(old), Replicas(old), sizes.available_min,
      desired + sizes.surge_max);
  const Clock& clock = command_.environment().clock;
  Duration progress_at = clock.Monotonic();
  while (Replicas(fresh) != desired || Replicas(old) != 0) {
    const int64_t old_before = Replicas(old);
    const int64_t new_before = Replicas(fresh);
    sizes.old_size = old_before;
    sizes.new_size = new_before;
    if (const int64_t size = ScaleUpTarget(sizes); size != sizes.new_size) {
      command_.Print("Scaling {} up to {}\n", NameOf(fresh), size);
      TRY(ScaleTo(fresh, size));
    }
    command_.environment().pause(options_.update_period);
    sizes.new_size = Replicas(fresh);
    sizes.new_available = TRY(Available(fresh));
    if (const int64_t size = ScaleDownTarget(sizes); size != sizes.old_size) {
      command_.Print("Scaling {} down to {}\n", NameOf(old), size);
      TRY(ScaleTo(old, size));
    }
    if (Replicas(old) != old_before || Replicas(fresh) != new_before) {
      progress_at = clock.Monotonic();
    } else if (clock.Monotonic() - progress_at > options_.timeout) {
      return CliError("timed out waiting for any update progress to be made");
    } else {
      // Nothing may change until a pod gets ready or goes; --poll-interval is how often to look.
      command_.environment().pause(options_.poll_interval);
    }
  }
  return {};
}

Result<> RollingUpdater::Update(Json old, Json fresh, bool keep_name) {
  fresh = TRY(Begin(old, std::move(fresh)));
  const int64_t desired = std::strtoll(Annotation(fresh, kDesired).c_str(), nullptr, 10);
  if (Annotation(old, kOriginal).empty()) {
    old = TRY(Annotate(NameOf(old), {{kOriginal, std::to_string(Replicas(old))}}));
  }
  TRY(Loop(old, fresh, desired));
  return Finish(old, fresh, keep_name);
}

Result<> RollingUpdater::Rollback(Json aborted, Json original) {
  const std::string name = NameOf(original);
  const std::string size = Annotation(original, kOriginal);
  if (size.empty()) {
    return CliError(fmt::format("couldn't find original replica count of {}", GoQuote(name)));
  }
  command_.Print("Setting {} replicas to {}\n", GoQuote(name), size);
  TRY(Loop(aborted, original, std::strtoll(size.c_str(), nullptr, 10)));
  return Finish(aborted, original, false);
}

// Takes the annotations off, removes the old controller, and renames the new one where wanted.
Result<> RollingUpdater::Finish(const Json& old, Json fresh, bool keep_name) {
  const std::string old_name = NameOf(old);
  const std::string new_name = NameOf(fresh);
  fresh = TRY(Annotate(
      new_name, {{kSource, nullptr}, {kDesired, nullptr}, {kOriginal, nullptr}, {kNext, nullptr}}));
  const Target gone{controllers_, {session_.namespace_(), old_name}, "", nullptr};
  if (!keep_name) {
    command_.Print("Update succeeded. Deleting {}\n", old_name);
    TRY(DeleteObject(session_, gone, {}, ""));
    command_.Print("replicationcontroller/{} rolling updated to {}\n", new_name, GoQuote(new_name));
    return {};
  }
  command_.Print("Update succeeded. Deleting old controller: {}\n", old_name);
  TRY(DeleteObject(session_, gone, {}, ""));
  TRY(AwaitGone(session_, gone, TextAt(old, "metadata", "uid"), options_.timeout));
  TRY(Rename(std::move(fresh), old_name));
  command_.Print("replicationcontroller/{} rolling updated\n", old_name);
  return {};
}

Result<> RollingUpdater::Rename(Json controller, const std::string& name) {
  const std::string before = NameOf(controller);
  command_.Print("Renaming {} to {}\n", before, name);
  const Target gone{controllers_, {session_.namespace_(), before}, "", nullptr};
  DeleteFlags orphan;
  orphan.cascade = "orphan";
  TRY(DeleteObject(session_, gone, orphan, ""));
  TRY(AwaitGone(session_, gone, TextAt(controller, "metadata", "uid"), 60s));
  Json metadata = {{"name", name}};
  for (const char* field : {"labels", "annotations"}) {
    const Json& value = At(controller, "metadata", field);
    if (!value.is_null()) metadata[field] = value;
  }
  controller["metadata"] = std::move(metadata);
  controller.erase("status");
  TRY(session_.api().Create(controllers_, session_.namespace_(), controller, {}));
  return {};
}

// --- --image mode ---

namespace {

constexpr size_t kHashDigits = 32;

std::string ControllerHash(const Json& controller) {
  return Hex(Sha256(GoJson(controller))).substr(0, kHashDigits);
}

}  // namespace

Result<Json> ControllerWithImage(const Json& old, const ImageChange& change) {
  Json fresh = old;
  Json& containers = fresh["spec"]["template"]["spec"]["containers"];
  if (!containers.is_array() || containers.empty()) return CliError("no containers to update");
  Json* chosen = nullptr;
  if (change.container.empty()) {
    if (containers.size() > 1) {
      return CliError("must specify container to update when updating a multi-container pod");
    }
    chosen = &containers[0];
  } else {
    for (Json& container : containers) {
      if (TextAt(container, "name") == change.container) chosen = &container;
    }
    if (!chosen) return CliError(fmt::format("container {} not found in pod", change.container));
  }
  if (TextAt(*chosen, "image") == change.image && change.pull_policy.empty()) {
    return CliError(
        "--image-pull-policy (Always|Never|IfNotPresent) must be provided when --image "
        "is the same as existing container image");
  }
  (*chosen)["image"] = change.image;
  if (!change.pull_policy.empty()) (*chosen)["imagePullPolicy"] = change.pull_policy;
  Json metadata = {{"name", NameOf(old)}};
  if (const Json& labels = At(old, "metadata", "labels"); labels.is_object()) {
    metadata["labels"] = labels;
  }
  fresh["metadata"] = std::move(metadata);
  fresh.erase("status");
  const std::string hash = ControllerHash(fresh);
  fresh["metadata"]["name"] =
      change.new_name.empty() ? fmt::format("{}-{}", NameOf(old), hash) : change.new_name;
  fresh["spec"]["selector"][change.label_key] = hash;
  fresh["spec"]["template"]["metadata"]["labels"][change.label_key] = hash;
  return fresh;
}

// Gives the old controller and its pods a label of their own, so that the selectors differ.
Result<Json> RollingUpdater::AddDeploymentLabel(Json old, const std::string& label_key,
                                                const std::string& next) {
  const ObjectKey key = {session_.namespace_(), NameOf(old)};
  old = TRY(Annotate(key.name, {{kNext, next}}));
  if (!At(old, "spec", "selector", label_key).is_null()) return old;
  const std::string value = ControllerHash(old) + "-orig";
  const Json labels = {{label_key, value}};
  const ServedKind pods = TRY(session_.kinds().Find("pods"));
  ListOptions options;
  options.namespace_ = key.namespace_;
  options.label_selector = SelectorText(At(old, "spec", "selector"));
  // New pods get the label first, then those that are there, then the selector asks for it.
  old = TRY(session_.api().Patch(controllers_, key, PatchType::kMerge,
                                 {{"spec", {{"template", {{"metadata", {{"labels", labels}}}}}}}},
                                 {}));
  const JsonList list = TRY(session_.api().List(pods.resource, options));
  for (const Json& pod : list.items) {
    const auto labelled =
        session_.api().Patch(pods.resource, {key.namespace_, NameOf(pod)}, PatchType::kMerge,
                             {{"metadata", {{"labels", labels}}}}, {});
    if (!labelled && labelled.error().reason != Reason::kNotFound) return labelled;
  }
  old = TRY(session_.api().Patch(controllers_, key, PatchType::kMerge,
                                 {{"spec", {{"selector", labels}}}}, {}));
  // Pods made meanwhile from the old template belong to nobody now.
  const JsonList left = TRY(session_.api().List(pods.resource, options));
  for (const Json& pod : left.items) {
    if (TextAt(pod, "metadata", "labels", label_key) == value) continue;
    const Target orphan{pods.resource, {key.namespace_, NameOf(pod)}, "", nullptr};
    const auto deleted = DeleteObject(session_, orphan, {}, "");
    if (!deleted && deleted.error().reason != Reason::kNotFound) return deleted;
  }
  return old;
}

namespace {

struct RollingFlags {
  FileFlags files;
  std::string validate = "true";
  std::string container;
  ImageChange image;
  RollingUpdateOptions options;
  bool rollback = false;
  bool dry_run = false;

  void AddTo(Command& command);
  Result<> Check(const Command& command) const;
};

void RollingFlags::AddTo(Command& command) {
  image.label_key = "deployment";
  files.AddTo(command);
  command.Flag("update-period", options.update_period, "Time to wait between updating pods.");
  command.Flag("poll-interval", options.poll_interval, "Time between looks at the status.");
  command.Flag("timeout", options.timeout, "Max time to wait for an update before giving up.");
  command.Flag("image", image.image, "Image to use for upgrading the controller.");
  command.Flag("container", image.container, "Container whose image is changed.");
  command.Flag("image-pull-policy", image.pull_policy, "Pull policy of the new image.");
  command.Flag("deployment-label-key", image.label_key, "Label that tells the pods apart.");
  command.Flag("rollback", rollback, "Take an interrupted update back.");
  command.Flag("dry-run", dry_run, "Only print what would be done.");
  command.Flag("validate", validate, "Has no effect here: the server looks at what it is sent.");
  command.Bare("validate", "true");
}

Result<> RollingFlags::Check(const Command& command) const {
  if (image.label_key.empty()) {
    return command.UsageError("--deployment-label-key can not be empty");
  }
  if (files.filenames.size() > 1) {
    return command.UsageError("May only specify a single filename for new controller");
  }
  const bool any = !files.empty() || !image.image.empty();
  if (!rollback && !any) {
    return command.UsageError("Must specify --filename or --image for new controller");
  }
  if (!files.empty() && !image.image.empty()) {
    return command.UsageError("--filename and --image can not both be specified");
  }
  if (rollback && !image.image.empty()) {
    return command.UsageError("Don't specify --filename or --image on rollback");
  }
  if (command.words().empty()) {
    return command.UsageError("Must specify the controller to update");
  }
  return {};
}

bool SelectorsDiffer(const Json& old, const Json& fresh) {
  const Json& mine = At(old, "spec", "selector");
  const Json& other = At(fresh, "spec", "selector");
  if (!mine.is_object()) return false;
  for (const auto& [key, value] : mine.items()) {
    const Json& theirs = At(other, key);
    if (!theirs.is_null() && theirs != value) return true;
  }
  return false;
}

Result<Json> ControllerFromFile(Command& command, const RollingFlags& flags, const Json& old) {
  const std::string& file = flags.files.filenames[0];
  auto objects = TRY(ReadManifests(command, flags.files));
  if (objects.empty()) {
    return CliError(fmt::format("please make sure {} exists and is not empty", file));
  }
  if (objects.size() > 1) return CliError(fmt::format("{} specifies multiple items", file));
  Json fresh = std::move(objects[0].object);
  if (objects[0].kind.resource.kind != "ReplicationController") {
    return CliError(fmt::format("{} contains a {} not a ReplicationController", file,
                                objects[0].kind.resource.kind));
  }
  if (NameOf(fresh) == NameOf(old)) {
    return CliError(
        fmt::format("{} cannot have the same name as the existing ReplicationController {}", file,
                    NameOf(old)));
  }
  // The selector defaults to the labels of the template.
  if (At(fresh, "spec", "selector").is_null()) {
    fresh["spec"]["selector"] = At(fresh, "spec", "template", "metadata", "labels");
  }
  if (SelectorsDiffer(old, fresh)) return fresh;
  return CliError(fmt::format(
      "{} must specify a matching key with non-equal value in Selector for {}", file, NameOf(old)));
}

}  // namespace

Result<> RunRollingUpdate(Command& command, const Args& args) {
  RollingFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.Check(command));
  command.Warn("Command \"rolling-update\" is deprecated, use \"rollout\" instead\n");
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("replicationcontrollers"));
  RollingUpdater updater(command, session, kind.resource, flags.options);
  std::string old_name = command.words()[0];
  if (old_name.starts_with("rc/")) old_name = old_name.substr(3);
  Json old = TRY(updater.Get(old_name));
  const bool one_name = command.words().size() < 2 && flags.files.empty();
  if (flags.rollback) {
    std::string name = Annotation(old, kNext);
    if (command.words().size() > 1) name = command.words()[1];
    if (!flags.files.empty()) {
      const Json fresh = TRY(ControllerFromFile(command, flags, old));
      name = NameOf(fresh);
    }
    if (name.empty()) return CliError(fmt::format("Could not find {} to rollback.", old_name));
    Json aborted = TRY(updater.Get(name));
    return updater.Rollback(std::move(aborted), std::move(old));
  }
  Json fresh;
  if (!flags.files.empty()) {
    fresh = TRY(ControllerFromFile(command, flags, old));
  } else {
    if (command.words().size() > 1) flags.image.new_name = command.words()[1];
    const std::string next = Annotation(old, kNext);
    auto present = next.empty() ? Result<Json>(Fail(Reason::kNotFound, "")) : updater.Get(next);
    if (present) {
      command.Print("Found existing update in progress ({}), resuming.\n", next);
      fresh = std::move(*present);
    } else {
      fresh = TRY(ControllerWithImage(old, flags.image));
      if (!flags.dry_run) {
        old = TRY(updater.AddDeploymentLabel(std::move(old), flags.image.label_key, NameOf(fresh)));
      }
    }
  }
  if (flags.dry_run) {
    command.Print("Rolling from:\n{}\nTo:\n{}\n", old_name, NameOf(fresh));
    return {};
  }
  return updater.Update(std::move(old), std::move(fresh), one_name);
}

}  // namespace skiff::cli
