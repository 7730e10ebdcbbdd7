#include "kubelet/csi/volume_data.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "api/codec/json.h"
#include "base/whole_file.h"
#include "kubelet/csi/names.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::csi {
namespace {

constexpr size_t kDataBytesMax = 64 << 10;
constexpr int kDataMode = 0644;

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<std::vector<std::string>> PathsIn(const std::string& directory) {
  auto paths = TRY(AllNamesIn(directory));
  for (std::string& path : paths) path.insert(0, directory + "/");
  return paths;
}

}  // namespace

Result<> WriteVolumeData(const std::string& directory, const VolumeData& data) {
  Json object = {{"volumeHandle", data.handle}, {"driverName", data.driver}};
  if (!data.spec_name.empty()) {
    object["specVolID"] = data.spec_name;
    object["nodeName"] = data.node;
    object["volumeLifecycleMode"] = data.lifecycle;
    object["attachmentID"] = data.attachment;
  }
  const std::string path = directory + "/" + kVolumeData, text = object.dump() + "\n";
  // Each time that the volume is made anew or renewed it is the same.
  if (const auto said = ReadWholeFile(path); said && *said == text) return {};
  return WriteWholeFile(path, text, kDataMode);
}

void RemoveVolumeData(const std::string& directory) {
  const std::string path = directory + "/" + kVolumeData;
  for (const std::string& each : {path, path + ".new"}) unlink(each.c_str());
}

Result<VolumeData> ReadVolumeData(const std::string& directory) {
  const auto file = TRY(OpenRegularFile(directory + "/" + kVolumeData));
  const Json object = TRY(ParseJson(TRY(ReadWhole(file, kDataBytesMax))));
  if (!object.is_object()) return Fail(Reason::kInvalid, directory + ": no object");
  return VolumeData{TextOf(object, "driverName"),          TextOf(object, "volumeHandle"),
                    TextOf(object, "specVolID"),           TextOf(object, "nodeName"),
                    TextOf(object, "volumeLifecycleMode"), TextOf(object, "attachmentID")};
}

Result<std::vector<std::string>> VolumeDirectories(const std::string& root,
                                                   const std::string& pod_uid) {
  return PathsIn(fmt::format("{}/pods/{}/volumes/{}", root, pod_uid, kPlugin));
}

Result<std::vector<std::string>> DeviceLinks(const std::string& root, const std::string& pod_uid) {
  return PathsIn(fmt::format("{}/pods/{}/volumeDevices/{}", root, pod_uid, kPlugin));
}

Result<std::vector<std::string>> PodDirectories(const std::string& root) {
  return AllNamesIn(root + "/pods");
}

}  // namespace skiff::kubelet::csi
