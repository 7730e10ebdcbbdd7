# fuzz_programs(): what is fuzzed (e2e/fuzz/targets.h), as `fuzz` under libFuzzer where SKIFF_FUZZ is
# on (preset `fuzz`), and as `fuzz_replay` everywhere.
option(SKIFF_FUZZ "Build the fuzzer (needs clang)" OFF)

function(fuzz_programs)
  file(GLOB targets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/e2e/fuzz/*.cc)
  list(FILTER targets EXCLUDE REGEX "/(libfuzzer|replay)\\.cc$")
  set(requests ${CMAKE_SOURCE_DIR}/apiserver/request/request_info.cc)
  if(NOT SKIFF_FUZZ)
    add_executable(fuzz_replay ${CMAKE_SOURCE_DIR}/e2e/fuzz/replay.cc ${targets} ${requests})
    target_link_libraries(fuzz_replay PRIVATE api http)
    add_test(NAME fuzz_corpora COMMAND ${CMAKE_SOURCE_DIR}/e2e/fuzz/replay.sh
             $<TARGET_FILE:fuzz_replay>)
    set_tests_properties(fuzz_corpora PROPERTIES TIMEOUT 900)
    return()
  endif()
  # Of api/ only what is fuzzed and what that needs; the rest would take most of the time to build.
  file(GLOB api CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/api/*.cc ${CMAKE_SOURCE_DIR}/api/cel/*.cc)
  list(FILTER api EXCLUDE REGEX "_test\\.cc$|/(openapi_|discovery|table|registry|cron_|host_ports|pod_resources)[a-z_0-9]*\\.cc$")
  add_executable(fuzz ${CMAKE_SOURCE_DIR}/e2e/fuzz/libfuzzer.cc ${targets} ${requests} ${api}
                 ${CMAKE_SOURCE_DIR}/api/rules/names.cc ${CMAKE_SOURCE_DIR}/api/rules/core/ip.cc)
  target_link_libraries(fuzz PRIVATE http base schema_tables yaml_archive re2_archive)
  target_link_options(fuzz PRIVATE -fsanitize=fuzzer)
  target_precompile_headers(fuzz PRIVATE ${CMAKE_SOURCE_DIR}/api/precompiled.h)
  # Tables: nothing that coverage could guide to, and much to compile.
  target_compile_options(schema_tables PRIVATE -fno-sanitize=all -fno-sanitize-coverage=edge)
endfunction()
