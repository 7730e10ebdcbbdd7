#include "kubelet/user_namespaces.h"

#include <fmt/format.h>
#include <pwd.h>

#include <charconv>
#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

#include "api/values.h"
#include "base/process.h"
#include "base/whole_file.h"

namespace skiff::kubelet {
namespace {

constexpr char kKubeletUser[] = "kubelet";
constexpr int kMappingsMode = 0600;

std::optional<uint32_t> WholeNumber(const std::string& text) {
  uint32_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

// The number of a member of an object; unset where it is none.
std::optional<uint32_t> NumberOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto number = found->get<uint64_t>();
  return number <= UINT32_MAX ? std::optional(static_cast<uint32_t>(number)) : std::nullopt;
}

bool KubeletUserExists() {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 << 10);
  getpwnam_r(kKubeletUser, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr;
}

}  // namespace

Result<IdRange> ParseSubIds(const std::string& text) {
  std::istringstream words(text);
  std::vector<std::string> parts;
  for (std::string word; words >> word;) parts.push_back(word);
  if (parts.size() != 4) return Fail(Reason::kInvalid, fmt::format("invalid line \"{}\"", text));
  const auto first = WholeNumber(parts[2]), length = WholeNumber(parts[3]);
  if (first && length) return IdRange{*first, *length};
  return Fail(Reason::kInvalid, fmt::format("error parsing line \"{}\"", text));
}

Result<> CheckIdRange(const IdRange& range, int64_t ids_per_pod, int64_t pods_max) {
  const auto fail = [](const std::string& why) {
    return Fail(Reason::kInvalid, "create user namespace manager: " + why);
  };
  if (range.first % ids_per_pod != 0) {
    return fail(fmt::format("kubelet user assigned ID {} is not a multiple of {}", range.first,
                            ids_per_pod));
  }
  // 0 is the machine's root.
  if (range.first < ids_per_pod) {
    return fail(fmt::format("kubelet user assigned ID {} must be greater or equal to {}",
                            range.first, ids_per_pod));
  }
  if (range.length % ids_per_pod != 0) {
    return fail(fmt::format("kubelet user assigned IDs length {} is not a multiple of {}",
                            range.length, ids_per_pod));
  }
  if (range.length / ids_per_pod < pods_max) {
    return fail(
        fmt::format("kubelet user assigned IDs are not enough to support {} pods", pods_max));
  }
  return {};
}

Result<IdRange> KubeletIdRange(int64_t ids_per_pod) {
  const auto first = static_cast<uint32_t>(ids_per_pod);
  const IdRange all{first, static_cast<uint32_t>((int64_t{1} << 32) - ids_per_pod)};
  if (!KubeletUserExists() || !FindProgram("getsubids")) return all;
  const std::string uids = TRY(RunChecked({.argv = {"getsubids", kKubeletUser}}));
  const std::string gids = TRY(RunChecked({.argv = {"getsubids", "-g", kKubeletUser}}));
  if (uids == gids) return ParseSubIds(uids);
  return Fail(Reason::kInvalid,
              fmt::format("mismatched subuids and subgids for user \"{}\"", kKubeletUser));
}

UserNamespaces::UserNamespaces(Settings settings) : settings_(std::move(settings)) {
  MutexLock lock(mutex_);
  std::error_code error;
  for (std::filesystem::directory_iterator entry(settings_.directory, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string uid = entry->path().filename().string();
    const auto first = Read(uid);
    if (!first) {
      log_.Error("the ids of a pod are not known",
                 {{"pod", uid}, {"error", first.error().message}});
      unreadable_.insert(uid);
    } else if (*first && owner_.emplace(**first, uid).second) {
      first_[uid] = **first;
    } else if (*first) {
      log_.Error("two pods have the same ids", {{"pod", uid}, {"other", owner_[**first]}});
      unreadable_.insert(uid);
    }
  }
}

std::string UserNamespaces::PathOf(const std::string& pod_uid) const {
  return settings_.directory + "/" + pod_uid + "/userns";
}

Result<std::optional<uint32_t>> UserNamespaces::Read(const std::string& pod_uid) const {
  std::error_code error;
  if (!std::filesystem::exists(PathOf(pod_uid), error)) return std::optional<uint32_t>();
  const std::string text = TRY(ReadWholeFile(PathOf(pod_uid)));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto invalid = [] {
    return Fail(Reason::kInvalid, "invalid user namespace mappings file");
  };
  const auto uids = json.find("uidMappings"), gids = json.find("gidMappings");
  if (uids == json.end() || gids == json.end() || *uids != *gids) return invalid();
  if (!uids->is_array() || uids->size() != 1 || !(*uids)[0].is_object()) return invalid();
  const Json& mapping = (*uids)[0];
  const auto first = NumberOf(mapping, "hostId"), length = NumberOf(mapping, "length");
  if (!first || !length || NumberOf(mapping, "containerId") != 0u) return invalid();
  const IdRange& range = settings_.range;
  const bool is_ours = *length == settings_.ids_per_pod && *first % settings_.ids_per_pod == 0 &&
                       *first >= range.first &&
                       int64_t{*first} + *length <= int64_t{range.first} + range.length;
  if (!is_ours) return invalid();
  return std::optional<uint32_t>(*first);
}

std::optional<uint32_t> UserNamespaces::Unused() const {
  const IdRange& range = settings_.range;
  const int64_t end = int64_t{range.first} + range.length;
  for (int64_t first = range.first; first + settings_.ids_per_pod <= end;
       first += settings_.ids_per_pod) {
    if (!owner_.contains(static_cast<uint32_t>(first))) return static_cast<uint32_t>(first);
  }
  return std::nullopt;
}

Result<cri::NamespaceOptions::User> UserNamespaces::Of(const std::string& pod_uid) {
  MutexLock lock(mutex_);
  if (unreadable_.contains(pod_uid)) {
    return Fail(Reason::kConflict, "user namespace: invalid user namespace mappings file");
  }
  const auto length = static_cast<uint32_t>(settings_.ids_per_pod);
  auto found = first_.find(pod_uid);
  if (found == first_.end()) {
    const auto first = Unused();
    if (!first) {
      return Fail(Reason::kConflict,
                  "create user namespace: could not find an empty slot to allocate a user "
                  "namespace");
    }
    const Json mappings =
        Json::array({Json{{"hostId", *first}, {"containerId", 0}, {"length", length}}});
    TRY(WriteWholeFile(PathOf(pod_uid),
                       Json{{"uidMappings", mappings}, {"gidMappings", mappings}}.dump(),
                       kMappingsMode));
    owner_[*first] = pod_uid;
    found = first_.emplace(pod_uid, *first).first;
  }
  const cri::IdMapping mapping{.host_id = found->second, .container_id = 0, .length = length};
  return cri::NamespaceOptions::User{cri::NamespaceMode::kPod, {mapping}, {mapping}};
}

void UserNamespaces::Release(const std::string& pod_uid) {
  MutexLock lock(mutex_);
  unreadable_.erase(pod_uid);
  const auto found = first_.find(pod_uid);
  if (found == first_.end()) return;
  owner_.erase(found->second);
  first_.erase(found);
}

}  // namespace skiff::kubelet
