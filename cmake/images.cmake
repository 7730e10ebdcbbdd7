# The programs that run inside our own container images: static, small, without any library of ours.
#   pause, nautilus, kitten, client   -> build/<preset>/images/bin/
#   ninja images                      -> build/<preset>/images/*.tar, for `skiff image load`
set(IMAGE_BIN ${CMAKE_BINARY_DIR}/images/bin)
set(IMAGE_SOURCES ${CMAKE_SOURCE_DIR}/e2e/images)

function(image_program name source)
  add_executable(image_${name} EXCLUDE_FROM_ALL ${IMAGE_SOURCES}/${source})
  set_target_properties(image_${name} PROPERTIES OUTPUT_NAME ${name}
                        RUNTIME_OUTPUT_DIRECTORY ${IMAGE_BIN})
  target_compile_options(image_${name} PRIVATE -Os -g0 -ffunction-sections ${ARGN})
  target_link_options(image_${name} PRIVATE -static -s -Wl,--gc-sections)
endfunction()

# pause has no C library: it is part of every pod.
image_program(pause pause.c -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables)
target_link_options(image_pause PRIVATE -nostdlib -Wl,--build-id=none)
image_program(client client.c)
foreach(name nautilus kitten)
  image_program(${name} web.c "-DNAME=\"${name}\"" "-DPICTURE=\"${IMAGE_SOURCES}/${name}.jpg\"")
  set_target_properties(image_${name} PROPERTIES LINK_DEPENDS ${IMAGE_SOURCES}/${name}.jpg)
endforeach()

# The kubelet carries pause along.
function(embed_pause target source)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/${source} PROPERTIES OBJECT_DEPENDS ${IMAGE_BIN}/pause
                              COMPILE_DEFINITIONS "SKIFF_PAUSE_BINARY=\"${IMAGE_BIN}/pause\"")
  add_dependencies(${target} image_pause)
endfunction()

function(image_archives)
  set(kubelet ${CMAKE_SOURCE_DIR}/kubelet)
  batched(sources image_pack 1 ${IMAGE_SOURCES}/pack.cc ${kubelet}/image_archive.cc
          ${kubelet}/image_pack.cc ${kubelet}/tar.cc)
  add_executable(image_pack EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(image_pack PRIVATE api base OpenSSL::Crypto)
  set(archives ${CMAKE_BINARY_DIR}/images)
  set(programs image_pause image_client image_nautilus image_kitten)
  add_custom_target(images COMMAND image_pack ${IMAGE_BIN} ${archives}
                    DEPENDS image_pack ${programs} COMMENT "Packing container images")
  # The kubelet's tests run them.
  add_dependencies(kubelet_test images)
endfunction()
