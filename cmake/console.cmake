# embed_console(target): puts the built files of the web console, console/dist, into `target`. They
# are kept in the tree, so that a build needs no npm (console/README.md).
function(embed_console target)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/console/dist/*)
  add_executable(console_pack ${CMAKE_SOURCE_DIR}/console/pack.cc)
  target_link_libraries(console_pack PRIVATE base)
  set(packed ${CMAKE_BINARY_DIR}/generated/console_files.cc)
  add_custom_command(OUTPUT ${packed}
                     COMMAND console_pack ${CMAKE_SOURCE_DIR}/console/dist ${packed}
                     DEPENDS console_pack ${files} COMMENT "Packing the web console")
  set_source_files_properties(${packed} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_sources(${target} PRIVATE ${packed})
endfunction()
