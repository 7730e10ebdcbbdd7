#include "kubelet/image_collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "api/rules/core/image_reference.h"

namespace skiff::kubelet {
namespace {

// By its name in full, which may be configured with less: "pause" is
// docker.io/library/pause:latest.
bool IsImageNamed(const cri::Image& image, const std::string& name) {
  const auto parsed = ParseImageName(name);
  const std::string full = parsed ? parsed->Text() : name;
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), full) != names.end();
  };
  return image.id == name || has(image.repo_tags) || has(image.repo_digests);
}

// Of any size: bytes times a hundred may be more than there are numbers.
int64_t PercentOf(int64_t bytes, int64_t percent) {
  return bytes / 100 * percent + bytes % 100 * percent / 100;
}

// What part of the whole that is, rounded down.
int64_t WholePercent(int64_t bytes, int64_t whole) {
  int64_t percent = 0;
  while (percent < 100 && PercentOf(whole, percent + 1) <= bytes) ++percent;
  return percent;
}

// "97.9 GiB"
std::string SizeText(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  auto size = static_cast<double>(bytes);
  for (; size >= 1024 && unit + 1 < std::size(kUnits); ++unit) size /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", size, kUnits[unit]);
}

}  // namespace

std::vector<ImageRecord> ImagesToRemove(std::vector<ImageRecord> images, int64_t bytes,
                                        Duration now, Duration minimum_age) {
  std::erase_if(images, [&](const ImageRecord& image) {
    return image.in_use || image.pinned || now - image.first_seen < minimum_age;
  });
  std::sort(images.begin(), images.end(), [](const ImageRecord& a, const ImageRecord& b) {
    return std::pair(a.last_used, a.first_seen) < std::pair(b.last_used, b.first_seen);
  });
  int64_t freed = 0;
  size_t count = 0;
  while (count < images.size() && freed < bytes) freed += images[count++].size_bytes;
  images.resize(count);
  return images;
}

std::vector<ImageRecord> OldImages(std::vector<ImageRecord> images, Duration now, Duration began,
                                   Duration maximum_age) {
  if (maximum_age <= Duration::zero() || now - began <= maximum_age) return {};
  std::erase_if(images, [&](const ImageRecord& image) {
    // One that was just pulled was never in use, and is wanted.
    const Duration last_wanted = std::max({image.last_used, image.first_seen, began});
    return image.in_use || image.pinned || now - last_wanted <= maximum_age;
  });
  return images;
}

Result<> ImageCollector::RemoveOld() {
  if (settings_.maximum_age <= Duration::zero()) return {};
  std::vector<ImageRecord> old;
  {
    MutexLock lock(mutex_);
    TRY(Look());
    old = OldImages(Images(), dependencies_.clock.Monotonic(), began_, settings_.maximum_age);
  }
  TRY(Remove(old));
  return {};
}

Duration ImageCollector::Step() {
  const auto done = Collect();
  // What fails once is no news: the runtime may only be starting.
  if (!done && has_failed_) dependencies_.warn("ImageGCFailed", done.error().message);
  has_failed_ = !done;
  return kPeriod;
}

Result<> ImageCollector::Collect() {
  TRY(RemoveOld());
  const auto disk = dependencies_.measure();
  if (!disk) return {};
  const int64_t capacity = disk->capacity;
  if (capacity <= 0) {
    constexpr char kText[] = "invalid capacity 0 on image filesystem";
    dependencies_.warn("InvalidDiskCapacity", kText);
    return Fail(Reason::kInternalError, kText);
  }
  const int64_t available = std::min(disk->available, capacity);
  const auto part = [&](int64_t percent) { return PercentOf(capacity, percent); };
  const int64_t used_percent = 100 - WholePercent(available, capacity);
  if (used_percent < settings_.high_threshold_percent) {
    MutexLock lock(mutex_);
    (void)Look();  // When images were used last is known from looking now and then.
    return {};
  }
  const int64_t wanted = part(100 - settings_.low_threshold_percent) - available;
  const auto freed = Free(wanted);
  if (!freed) {
    return Fail(freed.error().reason,
                fmt::format("wanted to free {} bytes, but freed 0 bytes space with errors in image "
                            "deletion: {}",
                            wanted, freed.error().message));
  }
  if (*freed >= wanted) return {};
  const std::string text = fmt::format(
      "Insufficient free disk space on the node's image filesystem ({}% of {} used). Failed to "
      "free sufficient space by deleting unused images (freed {} bytes). Investigate disk usage, "
      "as it could be used by active images, logs, volumes, or other data.",
      used_percent, SizeText(capacity), *freed);
  dependencies_.warn("FreeDiskSpaceFailed", text);
  return Fail(Reason::kConflict, text);
}

Result<> ImageCollector::Look() {
  const Duration now = dependencies_.clock.Monotonic();
  const TimePoint looked_at = dependencies_.clock.Now();
  const auto images = TRY(dependencies_.runtime.ListImages(""));
  const auto containers = TRY(dependencies_.runtime.ListContainers({}));
  // Every new pod needs it, and no container shows that it is in use. It is known by the runtime's
  // word alone: who makes images calls his as he likes.
  const std::string of_sandboxes = TRY(dependencies_.runtime.SandboxImage());
  std::set<std::string> used;
  for (const cri::Container& container : containers) {
    used.insert({container.image_ref, container.image_id, container.image.image});
    const auto status = dependencies_.runtime.ContainerStatus(container.id);
    if (!status && status.error().reason == Reason::kNotFound) continue;
    if (!status) return tl::unexpected(status.error());
    for (const cri::Mount& mount : status->mounts) {
      if (mount.image) used.insert(mount.image->image);
    }
  }
  std::map<std::string, ImageRecord> seen;
  for (const cri::Image& image : images) {
    ImageRecord& record = seen[image.id];
    const auto before = images_.find(image.id);
    if (before != images_.end()) {
      record = before->second;
    } else {
      record.first_seen = now;
    }
    record.id = image.id;
    record.size_bytes = static_cast<int64_t>(image.size_bytes);
    record.pinned = image.pinned || (!of_sandboxes.empty() && IsImageNamed(image, of_sandboxes));
    record.in_use = used.contains(image.id);
    for (const auto* names : {&image.repo_tags, &image.repo_digests}) {
      for (const std::string& name : *names) record.in_use |= used.contains(name);
    }
    if (record.in_use) record.last_used = now;
  }
  images_ = std::move(seen);
  if (dependencies_.seen) {
    std::set<std::string> ids;
    for (const auto& [id, record] : images_) ids.insert(id);
    dependencies_.seen(ids, looked_at);
  }
  return {};
}

Result<int64_t> ImageCollector::Free(int64_t bytes) {
  std::vector<ImageRecord> chosen;
  {
    MutexLock lock(mutex_);
    TRY(Look());
    chosen = Images();
  }
  return Remove(ImagesToRemove(std::move(chosen), bytes, dependencies_.clock.Monotonic(),
                               settings_.minimum_age));
}

std::vector<ImageRecord> ImageCollector::Images() const {
  std::vector<ImageRecord> images;
  for (const auto& [id, record] : images_) images.push_back(record);
  return images;
}

Result<int64_t> ImageCollector::Remove(const std::vector<ImageRecord>& chosen) {
  int64_t freed = 0;
  Result<> outcome;
  for (const ImageRecord& image : chosen) {
    const auto removed = dependencies_.runtime.RemoveImage(image.id);
    if (removed) {
      freed += image.size_bytes;
      log_.Info("image removed", {{"image", image.id}, {"bytes", image.size_bytes}});
    } else {
      outcome = removed;
    }
  }
  if (freed == 0 && !outcome) return tl::unexpected(outcome.error());
  return freed;
}

}  // namespace skiff::kubelet
