#include "controllers/scheduler/rules/shared_disks.h"

#include <algorithm>

namespace skiff::scheduler {
namespace {

using core_v1::Volume;

bool IsDisk(const Volume& volume) {
  return volume.gce_persistent_disk || volume.aws_elastic_block_store || volume.iscsi || volume.rbd;
}

// Whether the two have it, it is the same, and one of them writes.
template <typename Source, typename IsSame>
bool Clash(const Source& a, const Source& b, IsSame is_same) {
  return a && b && is_same(*a, *b) && !(a->read_only && b->read_only);
}

bool ShareImage(const core_v1::RBDVolumeSource& a, const core_v1::RBDVolumeSource& b) {
  return a.pool == b.pool && a.image == b.image &&
         std::ranges::any_of(a.monitors, [&](const std::string& monitor) {
           return std::ranges::find(b.monitors, monitor) != b.monitors.end();
         });
}

bool AreOne(const Volume& a, const Volume& b) {
  const auto& one = a.aws_elastic_block_store;
  const auto& other = b.aws_elastic_block_store;
  if (one && other && one->volume_id == other->volume_id) return true;
  return Clash(a.gce_persistent_disk, b.gce_persistent_disk,
               [](const auto& x, const auto& y) { return x.pd_name == y.pd_name; }) ||
         Clash(a.iscsi, b.iscsi, [](const auto& x, const auto& y) { return x.iqn == y.iqn; }) ||
         Clash(a.rbd, b.rbd, ShareImage);
}

}  // namespace

bool MountsDisks(const core_v1::Pod& pod) {
  return std::ranges::any_of(pod.spec.volumes, IsDisk);
}

bool ShareDisk(const core_v1::Pod& a, const core_v1::Pod& b) {
  return std::ranges::any_of(a.spec.volumes, [&](const Volume& mine) {
    return IsDisk(mine) && std::ranges::any_of(b.spec.volumes, [&](const Volume& theirs) {
             return AreOne(mine, theirs);
           });
  });
}

}  // namespace skiff::scheduler
