#include "kubelet/pause_image.h"

#include "kubelet/image_pack.h"

// The build says where e2e/images/pause.c was built to.
__asm__(
    ".section .rodata\n"
    ".globl skiff_pause_begin\n"
    ".globl skiff_pause_end\n"
    "skiff_pause_begin:\n"
    ".incbin \"" SKIFF_PAUSE_BINARY
    "\"\n"
    "skiff_pause_end:\n"
    ".previous\n");
extern "C" const char skiff_pause_begin[], skiff_pause_end[];

namespace skiff {

Result<std::string> PackPauseImage(const std::string& name) {
  return PackImage({.names = {name},
                    .files = {{.path = "pause",
                               .mode = 0755,
                               .content = std::string(skiff_pause_begin, skiff_pause_end)}},
                    .entrypoint = {"/pause"},
                    .labels = {{"org.opencontainers.image.title", "pause"}},
                    .user = "65535:65535"});
}

}  // namespace skiff
