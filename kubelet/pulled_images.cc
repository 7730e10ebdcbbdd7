#include "kubelet/pulled_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "api/codec/document.h"
#include "api/rules/core/image_reference.h"
#include "api/values.h"
#include "base/hash.h"
#include "base/whole_file.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr char kVersion[] = "kubelet.config.k8s.io/v1beta1";
constexpr int kFileMode = 0600;
constexpr size_t kFileBytesMax = 1 << 20;

// "" of what is no image's name.
std::string ImageRepository(const std::string& image) {
  const auto name = ParseImageName(image);
  return name ? name->repository : "";
}

// As runtimes know it.
std::string FullName(const std::string& image) {
  const auto name = ParseImageName(image);
  return name ? name->Text() : image;
}

bool IsSame(const PullSecret& a, const PullSecret& b) {
  return a.uid == b.uid && a.name_space == b.name_space && a.name == b.name &&
         a.is_account == b.is_account;
}

// The object that a file holds; discarded where there is none.
Json ReadObject(const fs::path& path) {
  std::error_code error;
  if (fs::file_size(path, error) > kFileBytesMax || error) return {};
  const auto text = ReadWholeFile(path);
  if (!text) return {};
  Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json();
}

}  // namespace

std::optional<PullVerification> PullVerificationOf(const std::string& name) {
  if (name == "NeverVerify") return PullVerification::kNever;
  if (name == "NeverVerifyPreloadedImages") return PullVerification::kPulled;
  if (name == "NeverVerifyAllowlistedImages") return PullVerification::kNotOnList;
  if (name == "AlwaysVerify") return PullVerification::kAlways;
  return std::nullopt;
}

Result<> CheckImagePattern(const std::string& pattern) {
  const bool is_prefix = pattern.ends_with("/*");
  const std::string name = is_prefix ? pattern.substr(0, pattern.size() - 2) : pattern;
  if (name.find('*') != std::string::npos) {
    return Fail(Reason::kInvalid, fmt::format("not a valid wildcard pattern, the wildcard may only "
                                              "be used at the end of the pattern: {}",
                                              pattern));
  }
  if (name.empty() || name != ImageRepository(name)) {
    return Fail(Reason::kInvalid,
                fmt::format("{} is not the full name of an image without tag and digest", pattern));
  }
  return {};
}

PulledImages::PulledImages(Settings settings) : settings_(std::move(settings)) {
  Load();
}

std::string PulledImages::PulledPath(const std::string& ref) const {
  return settings_.directory + "/pulled/sha256-" + Hex(Sha256(ref));
}

std::string PulledImages::PullingPath(const std::string& image) const {
  return settings_.directory + "/pulling/sha256-" + Hex(Sha256(image));
}

void PulledImages::Load() {
  if (settings_.directory.empty()) return;
  MutexLock lock(mutex_);
  for (const char* folder : {"/pulled", "/pulling"}) {
    std::error_code error;
    fs::create_directories(settings_.directory + folder, error);
    for (fs::directory_iterator entry(settings_.directory + folder, error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string path = entry->path();
      if (path.ends_with(".new")) {  // Of a write that was interrupted.
        std::error_code ignored;
        fs::remove(path, ignored);
        continue;
      }
      const Json json = ReadObject(path);
      if (std::string_view(folder) == "/pulled") {
        if (auto record = FromJson(json)) {
          records_[record->ref] = std::move(*record);
        } else {
          unknown_[path] = {};
        }
      } else if (const std::string image = TextAt(json, "image"); !image.empty()) {
        pulling_[image] = 0;
        interrupted_.insert(image);
      } else {
        unknown_[path] = {};
      }
    }
  }
  is_recovered_ = interrupted_.empty();
}

bool PulledImages::NeedsRecovery() const {
  MutexLock lock(mutex_);
  return !interrupted_.empty();
}

void PulledImages::Recover(const std::vector<cri::Image>& images, TimePoint now) {
  MutexLock lock(mutex_);
  std::multimap<std::string, std::string> begun;  // By the name in full.
  for (const std::string& image : interrupted_) begun.emplace(FullName(image), image);
  std::set<std::string> kept, failed;
  for (const cri::Image& image : images) {
    for (const auto* names : {&image.repo_tags, &image.repo_digests}) {
      for (const std::string& name : *names) {
        const auto [first, last] = begun.equal_range(FullName(name));
        if (first == last) continue;
        const bool is_kept = records_.contains(image.id) || Store({image.id, now, {}});
        for (auto each = first; each != last; ++each) {
          (is_kept ? kept : failed).insert(each->second);
        }
      }
    }
  }
  for (const std::string& image : kept) {
    if (!failed.contains(image) && pulling_[image] == 0) DropIntent(image);
  }
  interrupted_ = std::move(failed);
  is_recovered_ = true;
}

bool PulledImages::IsListed(const std::string& image) const {
  const std::string repository = ImageRepository(image);
  return std::any_of(settings_.allowlist.begin(), settings_.allowlist.end(),
                     [&](const std::string& pattern) {
                       if (!pattern.ends_with('*')) return pattern == repository;
                       return repository.starts_with(pattern.substr(0, pattern.size() - 1));
                     });
}

bool PulledImages::MustPull(const std::string& image, const std::string& ref,
                            const Secrets& secrets) {
  if (settings_.verification == PullVerification::kNever) return false;
  if (settings_.verification == PullVerification::kNotOnList && IsListed(image)) return false;
  Access access;
  {
    MutexLock lock(mutex_);
    const auto found = records_.find(ref);
    // Two digests, for each pod that starts: hardly any node has a file that says nothing.
    const bool may_be_unknown = !unknown_.empty() && (unknown_.contains(PulledPath(ref)) ||
                                                      unknown_.contains(PullingPath(image)));
    const bool was_pulled =
        !is_recovered_ || found != records_.end() || pulling_.contains(image) || may_be_unknown;
    if (!was_pulled && settings_.verification == PullVerification::kPulled) return false;
    if (!is_recovered_ || found == records_.end()) return true;
    const auto of_name = found->second.access.find(ImageRepository(image));
    if (of_name == found->second.access.end()) return true;
    access = of_name->second;
  }
  if (access.is_for_all) return false;
  if (access.secrets.empty()) return true;
  for (const PullSecret& own : secrets()) {
    for (const PullSecret& known : access.secrets) {
      if (IsSame(own, known) || (!own.hash.empty() && own.hash == known.hash)) return false;
    }
  }
  return true;
}

Result<> PulledImages::Begin(const std::string& image) {
  if (settings_.directory.empty()) return {};
  MutexLock lock(mutex_);
  const Json intent = {{"kind", "ImagePullIntent"}, {"apiVersion", kVersion}, {"image", image}};
  const std::string path = PullingPath(image);
  TRY(WriteWholeFile(path, intent.dump(), kFileMode));
  ++pulling_[image];
  // There was one before, and nobody knew of what.
  if (unknown_.erase(path) > 0) interrupted_.insert(image);
  return {};
}

void PulledImages::End(const std::string& image, const std::optional<std::string>& ref,
                       const std::optional<PullSecret>& secret, TimePoint now) {
  if (settings_.directory.empty()) return;
  MutexLock lock(mutex_);
  // The intent stays where the record is not kept: after a restart it says that there was a pull.
  if (ref && !Add(image, *ref, secret, now)) return;
  const auto found = pulling_.find(image);
  if (found != pulling_.end() && --found->second > 0) return;
  // This pull brought nothing, but the one before the restart may have.
  if (!ref && interrupted_.contains(image)) return;
  interrupted_.erase(image);
  DropIntent(image);
}

void PulledImages::DropIntent(const std::string& image) {
  pulling_.erase(image);
  std::error_code ignored;  // With it somebody has to show his secret once more.
  fs::remove(PullingPath(image), ignored);
}

bool PulledImages::Add(const std::string& image, const std::string& ref,
                       const std::optional<PullSecret>& secret, TimePoint now) {
  const auto found = records_.find(ref);
  const bool is_new = found == records_.end();
  Record record = is_new ? Record{ref, {}, {}} : found->second;
  const bool is_changed = Allow(record, ImageRepository(image), secret);
  record.updated_at = now;
  if (is_new || is_changed) return Store(std::move(record));
  found->second.updated_at = now;  // It is there now, whoever looked before.
  return true;
}

bool PulledImages::Allow(Record& record, const std::string& repository,
                         const std::optional<PullSecret>& secret) {
  const bool is_full = record.access.size() >= kRepositoriesMax;
  if (is_full && !record.access.contains(repository)) return false;
  Access& access = record.access[repository];
  if (access.is_for_all) return false;
  if (!secret) {
    access = {true, {}};
    return true;
  }
  const auto same = std::find_if(access.secrets.begin(), access.secrets.end(),
                                 [&](const auto& each) { return IsSame(each, *secret); });
  if (same != access.secrets.end()) {
    return std::exchange(same->hash, secret->hash) != secret->hash;
  }
  if (access.secrets.size() >= kSecretsMax) access.secrets.erase(access.secrets.begin());
  access.secrets.push_back(*secret);
  return true;
}

Json PulledImages::ToJson(const Record& record) {
  Json json = {{"kind", "ImagePulledRecord"},
               {"apiVersion", kVersion},
               {"lastUpdatedTime", Time(record.updated_at).Rfc3339()},
               {"imageRef", record.ref}};
  for (const auto& [repository, access] : record.access) {
    Json& of = json["credentialMapping"][repository] = Json::object();
    if (access.is_for_all) of["nodePodsAccessible"] = true;
    for (const PullSecret& secret : access.secrets) {
      if (secret.is_account) {
        of["kubernetesServiceAccounts"].push_back(
            {{"uid", secret.uid}, {"namespace", secret.name_space}, {"name", secret.name}});
        continue;
      }
      of["kubernetesSecrets"].push_back({{"uid", secret.uid},
                                         {"namespace", secret.name_space},
                                         {"name", secret.name},
                                         {"credentialHash", secret.hash}});
    }
  }
  return json;
}

std::optional<PulledImages::Record> PulledImages::FromJson(const Json& json) {
  if (TextAt(json, "kind") != "ImagePulledRecord") return std::nullopt;
  Record record{TextAt(json, "imageRef"), {}, {}};
  if (record.ref.empty()) return std::nullopt;
  if (const auto time = Time::Parse(TextAt(json, "lastUpdatedTime"))) {
    record.updated_at = time->point();
  }
  const auto mapping = json.find("credentialMapping");
  if (mapping == json.end() || !mapping->is_object()) return record;
  for (const auto& [repository, of] : mapping->items()) {
    if (record.access.size() == kRepositoriesMax) break;
    Access& access = record.access[repository];
    if (!of.is_object()) continue;
    access.is_for_all = of.value("nodePodsAccessible", Json()) == true;
    for (const bool is_account : {false, true}) {
      const auto secrets = of.find(is_account ? "kubernetesServiceAccounts" : "kubernetesSecrets");
      if (secrets == of.end() || !secrets->is_array()) continue;
      for (const Json& each : *secrets) {
        if (access.secrets.size() == kSecretsMax || !each.is_object()) break;
        access.secrets.push_back({TextAt(each, "uid"), TextAt(each, "namespace"),
                                  TextAt(each, "name"), TextAt(each, "credentialHash"),
                                  is_account});
      }
    }
  }
  return record;
}

bool PulledImages::Store(Record record) {
  const std::string path = PulledPath(record.ref);
  const auto written = WriteWholeFile(path, ToJson(record).dump(), kFileMode);
  if (!written) {
    log_.Error("what was pulled is not kept",
               {{"image", record.ref}, {"error", written.error().message}});
    if (!records_.contains(record.ref)) unknown_[path] = record.updated_at;
    return false;
  }
  unknown_.erase(path);
  records_[record.ref] = std::move(record);
  return true;
}

void PulledImages::Keep(const std::set<std::string>& refs, TimePoint looked_at) {
  if (settings_.directory.empty()) return;
  MutexLock lock(mutex_);
  std::set<std::string> there;
  for (const std::string& ref : refs) there.insert(PulledPath(ref));
  const std::string folder = settings_.directory + "/pulled/";
  std::error_code ignored;  // The next look tries again.
  std::erase_if(unknown_, [&](const auto& each) {
    const std::string& path = each.first;
    if (!path.starts_with(folder) || there.contains(path) || each.second >= looked_at) return false;
    fs::remove(path, ignored);
    return true;
  });
  std::erase_if(records_, [&](const auto& each) {
    if (refs.contains(each.first) || each.second.updated_at >= looked_at) return false;
    fs::remove(PulledPath(each.first), ignored);
    return true;
  });
}

}  // namespace skiff::kubelet
