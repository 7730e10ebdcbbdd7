// image_pack PROGRAMS OUT: packs our images as OUT/<name>.tar from the programs built into PROGRAMS
// and the machine's static busybox. Without busybox-static that one image is left out.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/whole_file.h"

#include "base/process.h"
#include "kubelet/image_pack.h"

namespace skiff {
namespace {

constexpr char kBusybox[] = "/bin/busybox";

ImageFile Program(const std::string& path, std::string content) {
  return {.path = path, .mode = 0755, .content = std::move(content)};
}

// What programs expect to find beside themselves.
void AddBasics(ImageSource& image) {
  image.files.push_back({.path = "etc/passwd",
                         .content = "root:x:0:0:root:/root:/bin/sh\n"
                                    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"});
  image.files.push_back({.path = "etc/group", .content = "root:x:0:\nnobody:x:65534:\n"});
  image.files.push_back({.path = "root", .mode = 0700, .folder = true});
  image.files.push_back({.path = "tmp", .mode = 01777, .folder = true});
}

Result<ImageSource> Web(const std::string& name, const std::string& programs) {
  ImageSource image{.names = {"skiff.local/" + name + ":1.0"},
                    .files = {Program(name, TRY(ReadWholeFile(programs + "/" + name)))},
                    .entrypoint = {"/" + name},
                    .exposed_ports = {"80/tcp"},
                    .labels = {{"org.opencontainers.image.title", name}}};
  image.files.push_back(Program("bin/client", TRY(ReadWholeFile(programs + "/client"))));
  AddBasics(image);
  return image;
}

Result<ImageSource> Busybox(const std::string& programs) {
  ImageSource image{.names = {"busybox:1.35", "busybox:latest"},
                    .files = {Program("bin/busybox", TRY(ReadWholeFile(kBusybox)))},
                    .command = {"sh"},
                    .labels = {{"org.opencontainers.image.title", "busybox"}}};
  std::istringstream applets(TRY(RunChecked({.argv = {kBusybox, "--list-full"}})));
  for (std::string applet; std::getline(applets, applet);) {
    if (applet == "bin/busybox" || applet == "linuxrc") continue;
    image.files.push_back({.path = applet, .symlink_to = kBusybox});
  }
  image.files.push_back(Program("bin/client", TRY(ReadWholeFile(programs + "/client"))));
  AddBasics(image);
  return image;
}

Result<> Write(const std::string& folder, const std::string& name, const ImageSource& image) {
  const std::string archive = TRY(PackImage(image));
  const std::string path = folder + "/" + name + ".tar";
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << archive;
  if (!out.flush()) return Fail(Reason::kForbidden, path + ": cannot be written");
  return {};
}

Result<> PackAll(const std::string& programs, const std::string& folder) {
  TRY(Write(folder, "pause",
            {.names = {"skiff.local/pause:3.10"},
             .files = {Program("pause", TRY(ReadWholeFile(programs + "/pause")))},
             .entrypoint = {"/pause"},
             .user = "65535:65535"}));
  for (const std::string name : {"nautilus", "kitten"}) {
    const ImageSource image = TRY(Web(name, programs));
    TRY(Write(folder, name, image));
  }
  TRY(Write(folder, "client",
            {.names = {"skiff.local/client:1.0"},
             .files = {Program("bin/client", TRY(ReadWholeFile(programs + "/client")))},
             .entrypoint = {"/bin/client"}}));
  const auto busybox = Busybox(programs);
  if (!busybox && busybox.error().reason == Reason::kNotFound) {
    std::fprintf(stderr, "image_pack: no %s (package busybox-static): image busybox left out\n",
                 kBusybox);
    return {};
  }
  const ImageSource image = TRY(busybox);
  return Write(folder, "busybox", image);
}

}  // namespace
}  // namespace skiff

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: image_pack PROGRAMS OUT\n");
    return 64;
  }
  const auto packed = skiff::PackAll(argv[1], argv[2]);
  if (packed) return 0;
  std::fprintf(stderr, "image_pack: %s\n", packed.error().message.c_str());
  return 1;
}
