#include "cli/history/since.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/text/human_duration.h"
#include "base/seconds.h"
#include "cli/describe_pod.h"
#include "cli/history/changes.h"
#include "cli/history/past.h"
#include "cli/history/versions.h"
#include "cli/json_text.h"
#include "cli/printers.h"
#include "cli/selection.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

// What changes all the time, and says nothing of what somebody did; endpoints say what their slices
// do.
bool IsNoise(const ServedKind& kind) {
  static const std::set<std::string> kNoise = {"events", "events.events.k8s.io",
                                               "leases.coordination.k8s.io", "endpoints"};
  return kNoise.contains(kind.FullName());
}

bool Serves(const ServedKind& kind, const char* verb) {
  return std::find(kind.verbs.begin(), kind.verbs.end(), verb) != kind.verbs.end();
}

// A group's versions have the same objects.
Result<Selections> AllKinds(Session& session, bool all_namespaces) {
  Selections selections;
  std::set<std::string> seen;
  for (ServedKind& kind : TRY(session.kinds().Discover())) {
    const Resource& resource = kind.resource;
    if (!Serves(kind, "list") || !Serves(kind, "watch") || IsNoise(kind)) continue;
    if (!resource.namespaced && !all_namespaces) continue;
    if (!seen.insert(kind.FullName()).second) continue;
    selections.items.push_back({.kind = std::move(kind), .names = {}});
  }
  return selections;
}

class Comparison {
 public:
  // `is_of_all`: of all kinds, as none was named.
  Comparison(Session& session, const SinceFlags& flags, const Past& past, const Versions& versions,
             bool is_of_all)
      : session_(session), flags_(flags), past_(past), versions_(versions), is_of_all_(is_of_all) {}

  Result<> Add(const Selection& selection) {
    const Resource& resource = selection.kind.resource;
    auto then = List(selection, past_.revision);
    if (!then) return Fail(WithOldest(session_, then.error(), past_.revision));
    auto now = TRY(List(selection, now_));
    // One state for all kinds.
    if (now_ == 0) now_ = std::strtoull(now.resource_version.c_str(), nullptr, 10);
    std::map<std::string, std::pair<Json, Json>> pairs;
    // A document is emptied before the left side of its assignment is looked at.
    for (Json& object : then->items) {
      Json& place = pairs[KeyText(object)].first;
      place = std::move(object);
    }
    for (Json& object : now.items) {
      Json& place = pairs[KeyText(object)].second;
      place = std::move(object);
    }
    for (auto& [key, pair] : pairs) TRY(Put(resource, pair.first, pair.second));
    for (const std::string& name : selection.names) {
      const bool is_known = std::any_of(pairs.begin(), pairs.end(), [&](const auto& each) {
        return each.first.ends_with("/" + name);
      });
      if (!is_known) return WasNeverThere(selection, name);
    }
    return {};
  }

  const Changes& changes() const { return changes_; }
  // Whether the list of changes says more than the diff does.
  bool IsListed() const { return changes_.size() > 1 || shown_ < changes_.size(); }

 private:
  tl::unexpected<Error> WasNeverThere(const Selection& selection, const std::string& name) const {
    Error error{Reason::kNotFound,
                fmt::format("{} \"{}\" not found, neither now nor at revision {}",
                            selection.kind.FullName(), name, past_.revision)};
    error.http_code = 404;
    return Fail(std::move(error));
  }

  static std::string KeyText(const Json& object) {
    return TextAt(object, "metadata", "namespace") + "/" + NameOf(object);
  }

  Result<JsonList> List(const Selection& selection, uint64_t revision) {
    const Resource& resource = selection.kind.resource;
    ListOptions options{.namespace_ = session_.NamespaceFor(resource, flags_.all_namespaces),
                        .label_selector = flags_.selector};
    if (revision > 0) options.resource_version = std::to_string(revision);
    if (selection.names.size() == 1) {
      options.field_selector = "metadata.name=" + selection.names.front();
    }
    JsonList list = TRY(session_.api().List(resource, options));
    if (selection.names.size() > 1) {
      std::erase_if(list.items, [&](const Json& object) {
        return std::find(selection.names.begin(), selection.names.end(), NameOf(object)) ==
               selection.names.end();
      });
    }
    return list;
  }

  // null: it was not there, or is not any more.
  Result<> Put(const Resource& resource, Json& then, Json& now) {
    const Json& there = now.is_null() ? then : now;
    const ObjectKey key{TextAt(there, "metadata", "namespace"), NameOf(there)};
    if (TextAt(then, "metadata", "resourceVersion") == TextAt(now, "metadata", "resourceVersion")) {
      return {};
    }
    for (Json* object : {&then, &now}) {
      if (object->is_null()) continue;
      if (!flags_.show_managed_fields) DropManagedFields(*object);
    }
    MaskBoth(then, now);
    if (IsSameButVersion(then, now)) return {};
    changes_.Add(resource, then, now);
    LeaveOutLastApplied(then, now);
    if (flags_.is_brief || IsItsControllers(then, now)) return {};
    ++shown_;
    return versions_.Add(FileNameOf(resource, key), then, now);
  }

  // A Secret that came or went is one too.
  static void MaskBoth(Json& then, Json& now) {
    const bool came = then.is_null();
    const bool went = now.is_null();
    if (went) now = {{"kind", TextAt(then, "kind")}};
    Mask(then, now);
    if (went) now = Json();
    if (came) then = Json();
  }

  // What was applied last is the whole object, in one line that says again what its fields say. It
  // stands where it is all that has changed.
  static void LeaveOutLastApplied(Json& then, Json& now) {
    if (then.is_null() || now.is_null()) return;
    Json before = then, after = now;
    for (Json* object : {&before, &after}) {
      if (At(*object, "metadata", "annotations", kLastApplied).is_null()) continue;
      Json& annotations = (*object)["metadata"]["annotations"];
      annotations.erase(kLastApplied);
      if (annotations.empty()) (*object)["metadata"].erase("annotations");
    }
    if (IsSameButVersion(before, after)) return;
    then = std::move(before);
    now = std::move(after);
  }

  // Somebody wrote what was there.
  static bool IsSameButVersion(Json then, Json now) {
    for (Json* object : {&then, &now}) {
      if (object->is_object() && object->contains("metadata")) {
        (*object)["metadata"].erase("resourceVersion");
      }
    }
    return then == now;
  }

  // What a controller made or removed says no more than its name, unless its kind was asked for.
  bool IsItsControllers(const Json& then, const Json& now) const {
    if (!is_of_all_) return false;
    if (IsRecreated(then, now)) {
      return !ControllerText(then).empty() && !ControllerText(now).empty();
    }
    if (then.is_null()) return !ControllerText(now).empty();
    return now.is_null() && !ControllerText(then).empty();
  }

  Session& session_;
  const SinceFlags& flags_;
  const Past& past_;
  const Versions& versions_;
  const bool is_of_all_;
  Changes changes_;
  size_t shown_ = 0;
  uint64_t now_ = 0;  // 0: nothing was read yet.
};

std::string Ago(Command& command, const Past& past) {
  if (!past.at) return "";
  return fmt::format(" ({} ago)",
                     HumanDuration(Between(*past.at, command.environment().clock.Now())));
}

// That what was asked for cannot be shown, or not as it was asked for.
void TellLimits(Command& command, const Past& past, const std::string& since) {
  if (past.is_whole()) {
    command.Warn("Note: nothing shows that {}: this is what has changed since its beginning\n",
                 ClusterThen(since));
  } else if (past.is_oldest) {
    command.Warn(
        "Note: the past is kept from {}: the server forgets what is older than some minutes "
        "(`skiff up --history`)\n",
        KeptFrom(past, since, Ago(command, past)));
  } else if (const std::string note = EarlyNote(past); !note.empty()) {
    command.Warn("Note: {}\n", note);
  }
}

// Before what has changed since then, or in place of it.
void TellSince(Command& command, const Past& past, bool has_changed) {
  const std::string since = fmt::format("revision {}{}", past.revision, Ago(command, past));
  if (!has_changed) {
    command.Warn("Nothing changed since {}.\n", since);
  } else if (past.at && !past.is_oldest) {
    command.Warn("Since {}:\n", since);
  }
}

}  // namespace

Result<bool> ShowSince(Command& command, const SinceFlags& flags) {
  if (flags.has_files) return CliError("--since compares the cluster with itself, not with files");
  TRY(CheckMoment(flags.since));
  Session& session = *TRY(command.session());
  const bool all = command.words().empty();
  Selections selections;
  if (all) {
    selections = TRY(AllKinds(session, flags.all_namespaces));
  } else {
    selections = TRY(ParseSelections(command, command.words()));
  }
  const Past past = TRY(FindPast(session, command.environment().clock, flags.since));
  TellLimits(command, past, flags.since);
  const Versions versions = TRY(Versions::Create("THEN", "NOW"));
  Comparison comparison(session, flags, past, versions, all);
  bool is_mistyped = false;
  for (const Selection& selection : selections.items) {
    const auto added = comparison.Add(selection);
    // Of all kinds there may be one that may not be read.
    if (!added && all && added.error().reason == Reason::kForbidden) {
      command.Warn("Note: {}\n", added.error().message);
    } else if (!added && added.error().reason == Reason::kNotFound) {
      command.Report(added.error());
      is_mistyped = true;
    } else if (!added) {
      return Fail(added.error());
    }
  }
  const Changes& changes = comparison.changes();
  // Of what never was there nobody wants to hear that it has not changed.
  if (changes.size() > 0 || !is_mistyped) TellSince(command, past, changes.size() > 0);
  if (comparison.IsListed()) command.Print("{}", changes.Text(flags.all_namespaces));
  const bool differs = TRY(ShowDifferences(command, versions));
  return differs || comparison.IsListed();
}

}  // namespace skiff::cli
