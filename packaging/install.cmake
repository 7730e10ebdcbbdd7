# Run by `cmake --install` and by cpack, with SOURCE, BUILD and SKIFF set. What it installs stands in
# install_manifest.txt, by which it can be taken away again.
set(prefix "${CMAKE_INSTALL_PREFIX}")
set(etc "${prefix}/etc")
if(prefix STREQUAL "/usr")
  set(etc /etc)
endif()
set(made "${BUILD}/install")
file(REMOVE_RECURSE "${made}")
execute_process(COMMAND "${SOURCE}/packaging/manuals.sh" "${SKIFF}" "${made}"
                COMMAND_ERROR_IS_FATAL ANY)
file(INSTALL "${made}/share" DESTINATION "${prefix}")

foreach(unit skiff.service skiff-node.service)
  file(READ "${SOURCE}/packaging/${unit}" text)
  string(REPLACE "/usr/bin/" "${prefix}/bin/" text "${text}")
  string(REPLACE "/etc/default/" "${etc}/default/" text "${text}")
  file(WRITE "${made}/units/${unit}" "${text}")
endforeach()
file(INSTALL "${made}/units/skiff.service" "${made}/units/skiff-node.service"
     DESTINATION "${prefix}/lib/systemd/system"
     PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
# A token may stand in it. One that is there has been somebody's since the first install; it goes
# away with the rest all the same.
if(EXISTS "$ENV{DESTDIR}${etc}/default/skiff")
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${etc}/default/skiff")
else()
  file(INSTALL "${SOURCE}/packaging/skiff.default" DESTINATION "${etc}/default" RENAME skiff
       PERMISSIONS OWNER_READ OWNER_WRITE)
endif()

set(documents "${prefix}/share/doc/skiff")
# Where README and the pages themselves say that they are, and their pictures and decisions.
file(INSTALL "${SOURCE}/README.md" DESTINATION "${documents}"
     PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
foreach(folder docs docs/console docs/decisions docs/scale)
  file(GLOB pages "${SOURCE}/${folder}/*.md" "${SOURCE}/${folder}/*.png" "${SOURCE}/${folder}/*.svg")
  file(INSTALL ${pages} DESTINATION "${documents}/${folder}"
       PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endforeach()
file(INSTALL "${SOURCE}/packaging/debian/copyright" DESTINATION "${documents}"
     PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
execute_process(COMMAND gzip -9nc "${SOURCE}/packaging/debian/changelog"
                OUTPUT_FILE "${made}/changelog.gz" COMMAND_ERROR_IS_FATAL ANY)
file(INSTALL "${made}/changelog.gz" DESTINATION "${documents}"
     PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
