"""Starts the AWS emulator as the world needs it.

The emulator is the unchanged package from the lock file. Some of its functions are wrapped here, each
because something that AWS does would otherwise be missing, and a world that allows more than AWS does
proves nothing:

- ``buckets``: buckets of a stack have their encryption and lifecycle, and are deleted only when they are empty;
- ``databases``: instances of RDS take their time to stop and start, and are authorised by name and tag;
- ``image_actions``: pushes and deletions of images are written down, for the events of them;
- ``instances``: an instance stands in the zone and the address range of its subnet, and has its user data;
- ``sessions``: credentials of an instance profile say which instance they were given to;
- ``logins``: the registry protocol asks who pushes and pulls, and passwords end;
- ``registry``: images, tags and pages of them are as in ECR;
- ``variables``: variables in policies have values;
- ``objects``: S3 tells nobody which keys exist who may not list them, and conditions need the right to read;
- ``parameters``: Parameter Store authorises by each name, by tags and by the key of a SecureString;
- ``mappings``: the concurrency of an event source mapping is a number;
- ``networks``: a function in subnets needs the permissions to make network interfaces;
- ``report``: a function's REPORT line says what its own process took;
- ``judge``: other endpoints of the world can have a signed request authenticated and authorised;
- ``roles``: what services do in the name of a role is refused where the role's policies refuse it;
- ``rules``: events of people's own sources reach only queues whose policies let EventBridge in;
- ``schedules``: schedules are read in their time zone.

Every name that is wrapped is looked up at start, so another version of the emulator that lacks one ends
here with an AttributeError and not with silence.
"""

import buckets
import databases
import image_actions
import instances
import judge
import logins
import mappings
import networks
import objects
import parameters
import registry
import report
import roles
import rules
import schedules
import sessions
import variables
from ministack import app

if __name__ == "__main__":
    buckets.install()
    databases.install()
    image_actions.install()
    instances.install()
    judge.install()
    logins.install()
    mappings.install()
    networks.install()
    objects.install()
    parameters.install()
    registry.install()
    report.install()
    roles.install()
    rules.install()
    schedules.install()
    sessions.install()
    variables.install()
    app.main()
