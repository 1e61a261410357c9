//! The steps of a node's start: identity and log, the cluster, the system group, membership.
//! `Groups::start` takes them in order. Guarantees: the log is never used under an id that voted
//! with another; a cluster is begun only by the proposer of a promised proposal; a node that only
//! starts refuses where its name belongs to another cluster. Left to others: the node's shards.

use std::sync::Arc;
use std::time::Duration;

use cluster::store::GroupId;
use cluster::system::{Member, MemberState};
use cluster::{SystemState, codes};
use tokio::time::Instant;
use transport::{ClusterId, Subjects};

use crate::apply::Lane;
use crate::beginning::missing_voters;
use crate::blocking;
use crate::bootstrap::{
    Bootstrap, BootstrapError, Discovery, Found, Keeper, check_name, check_version,
};
use crate::error::StartError;
use crate::group::{Group, GroupError};
use crate::groups::Config;
use crate::hello::{self, Listening, Process};
use crate::identity::{Identity, IdentityError, IdentityFile, Proposal};
use crate::local::Shared;
use crate::log::{LogConfig, LogThreads};
use crate::machine::MachineError;
use crate::network::{Network, server};
use crate::opener::Opener;
use crate::payloads::PayloadStore;
use crate::placement;
use crate::ports::Ports;
use crate::proposer::ProposeError;
use crate::remote::{self, Request, Response};
use crate::router::{LocalSystem, Router};
use crate::spool;
use crate::state_machine::Host;
use crate::supervisor::Supervisor;
use crate::system_machine::SystemMachine;
use crate::time::{NodeTime, ShardTime};

/// The system group.
pub(crate) const SYSTEM: GroupId = GroupId(0);

/// What a start has before it has a cluster.
pub(crate) struct Prepared {
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) network: Arc<Network>,
    pub(crate) opener: Opener,
    pub(crate) threads: LogThreads,
    pub(crate) listening: Listening,
    pub(crate) server: server::Server,
}

/// How this node comes to be a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// It begins the cluster.
    Begin(Proposal),
    /// It is a member already.
    Member,
    /// It asks to be taken in.
    Join(ClusterId),
}

/// Reads who this node is, opens its log, and listens.
pub(crate) async fn prepare(config: &Config, ports: &Ports) -> Result<Prepared, StartError> {
    let file = IdentityFile::new(Arc::clone(&ports.identity_disk));
    let identity = identify(config, ports, &file)?;
    let keeper = Keeper::new(file, identity);
    let identity = keeper.change(|identity| {
        identity.incarnation += 1;
        identity.clone()
    })?;
    let log_config = LogConfig {
        node: identity.node,
        stamp: ports.clock.unix_ms(),
        limits: config.log_limits.clone(),
    };
    let disk = Arc::clone(&ports.log_disk);
    // Reads the whole log, so it must not run on a thread of the runtime.
    let apply = Arc::clone(&ports.apply);
    let opened = blocking::run(move || apply.start_log(disk, log_config)).await;
    let (log, threads) = opened.map_err(|error| StartError::System(error.to_string()))??;
    keeper.change(|identity| identity.log_used = true)?;
    let subjects = Subjects::new(&config.cluster);
    let mut timing = config.timing.network.clone();
    let reserve = config.log_limits.free_bytes_reserve.saturating_mul(2);
    timing.spool_free_bytes_min = timing.spool_free_bytes_min.max(reserve);
    let spool_disk = Arc::clone(&ports.spool_disk);
    spool::sweep(&*spool_disk).map_err(IdentityError::Io)?;
    let buses = ports.buses.clone();
    let (disk, reserve) = (Arc::clone(&ports.payload_disk), timing.spool_free_bytes_min);
    let limits = config.payload_limits.clone();
    let payloads = blocking::run(move || PayloadStore::open(disk, reserve, limits)).await;
    let payloads = payloads
        .and_then(|opened| opened)
        .map_err(|error| StartError::System(format!("the folder of payloads: {error}")))?;
    let node = identity.node;
    let network = Network::new(node, subjects, buses, timing, spool_disk, payloads);
    refuse_twin(&network).await?;
    let silent_after = Duration::from_millis(config.cluster_limits.silent_ms);
    let clock = Arc::clone(&ports.clock);
    let time = NodeTime::new(clock, identity.node, silent_after);
    let own = Process {
        incarnation: identity.incarnation,
        number: ports.entropy.number(),
    };
    let listening = hello::listen(&network, silent_after, time, own).await?;
    let server = server::serve(&network).await?;
    Ok(Prepared {
        keeper,
        network,
        opener: Opener::new(log),
        threads,
        listening,
        server,
    })
}

/// Refuses where somebody answers to this node's id already. Where the bus cannot tell, as for a connection
/// that was just lost, what others say later decides.
async fn refuse_twin(network: &Network) -> Result<(), StartError> {
    let node = network.local;
    for _ in 0..WHO_TRIES {
        match remote::ask(network, node, &Request::Who, WHO_DEADLINE).await {
            Ok(Response::Here(info)) => {
                let other = format!("`{}` at {}", info.name, info.http);
                return Err(StartError::Twice { node, other });
            }
            Err(ProposeError::Unavailable { .. }) => return Ok(()),
            other => tracing::debug!(?other, "it is not known whether this node runs already"),
        }
    }
    Ok(())
}

const WHO_TRIES: usize = 3;
const WHO_DEADLINE: Duration = Duration::from_millis(200);

/// The identity of before; a new one for a new node, and for one whose log was lost.
fn identify(config: &Config, ports: &Ports, file: &IdentityFile) -> Result<Identity, StartError> {
    let Some(identity) = file.load()? else {
        return Ok(Identity::fresh(&*ports.entropy));
    };
    let files = ports.log_disk.list().map_err(IdentityError::Io)?;
    if !identity.log_used || !files.is_empty() {
        return Ok(identity);
    }
    if config.discovery == Discovery::Alone {
        return Err(StartError::LogLost {
            node: identity.node,
        });
    }
    tracing::error!(
        node = identity.node,
        "the log of this node is gone; it never votes under its old id again and joins as a new node"
    );
    for group in ports.stores.groups().map_err(|error| store_error(&error))? {
        ports
            .stores
            .remove(group)
            .map_err(|error| store_error(&error))?;
    }
    let mut fresh = Identity::fresh(&*ports.entropy);
    fresh.only_joins = true;
    Ok(fresh)
}

fn store_error(error: &cluster::store::StoreError) -> StartError {
    StartError::System(error.to_string())
}

/// Finds out how this node comes to be a member, which may take for ever.
pub(crate) async fn enter(
    config: &Config,
    ports: &Ports,
    prepared: &Prepared,
) -> Result<Entrance, StartError> {
    let keeper = &prepared.keeper;
    let identity = keeper.get();
    if let Some(cluster) = identity.cluster {
        // It may have stopped after it found its cluster and before it was taken in.
        return Ok(match prepared.opener.holds(SYSTEM) {
            true => Entrance::Member,
            false => Entrance::Join(cluster),
        });
    }
    let own = identity
        .promise
        .filter(|proposal| proposal.proposer == identity.node);
    if let Some(proposal) = own
        && prepared.opener.holds(SYSTEM)
    {
        // It began the cluster, and crashed before it noted so.
        keeper.change(|identity| identity.cluster = Some(proposal.cluster))?;
        return Ok(Entrance::Member);
    }
    let bootstrap = Bootstrap {
        network: &prepared.network,
        board: &prepared.listening.board,
        keeper,
        info: &config.info,
        discovery: config.discovery,
        limits: &config.cluster_limits,
        entropy: &*ports.entropy,
        beginning: &config.beginning,
    };
    match bootstrap.find().await? {
        Found::Begin(proposal) => Ok(Entrance::Begin(proposal)),
        Found::Promised(cluster) => {
            keeper.change(|identity| identity.cluster = Some(cluster))?;
            Ok(Entrance::Member)
        }
        Found::Join(cluster) => {
            keeper.change(|identity| identity.cluster = Some(cluster))?;
            Ok(Entrance::Join(cluster))
        }
    }
}

/// Opens the system group.
pub(crate) async fn open_system(shared: &Arc<Shared>) -> Result<(), StartError> {
    let states = shared.system_states.clone();
    let life = shared.lives.of(SYSTEM);
    let lane = Lane::new(Arc::clone(&shared.ports.apply), SYSTEM.0);
    let stores = Arc::clone(&shared.ports.stores);
    let home = lane.clone();
    let time = ShardTime::new(Arc::clone(&shared.time));
    let stamps = Arc::clone(&time);
    let opened = lane
        .run(move || -> Result<Arc<Host>, MachineError> {
            let machine = SystemMachine::open(stores.open(SYSTEM)?, states, stamps)?;
            Host::new(Box::new(machine), home, None)
        })
        .await;
    let host = opened
        .map_err(|error| StartError::System(error.to_string()))?
        .map_err(|error| StartError::System(error.to_string()))?;
    let network = &shared.router.network;
    let group = shared
        .opener
        .open((SYSTEM, life), &shared.timing, network, host)
        .await?;
    let proposer = shared.propose_to(&group, &time);
    hurry(&group, network.local).await?;
    shared.router.set_system(LocalSystem {
        life,
        group,
        proposer,
    });
    Ok(())
}

/// A group of one has nobody to wait for.
async fn hurry(group: &Group, local: u64) -> Result<(), GroupError> {
    let (voters, _) = group.members();
    match voters.len() == 1 && voters.contains(&local) {
        true => group.elect().await,
        false => Ok(()),
    }
}

/// Makes the system group, where this node begins the cluster.
pub(crate) async fn begin(
    config: &Config,
    supervisor: &Supervisor,
    entrance: &Entrance,
) -> Result<(), StartError> {
    let (shared, keeper) = (&*supervisor.shared, &*supervisor.keeper);
    let (Entrance::Begin(proposal), Some(system)) = (entrance, shared.router.system()) else {
        return Ok(());
    };
    system.group.initialise(proposal.members.clone()).await?;
    keeper.change(|identity| identity.cluster = Some(proposal.cluster))?;
    // The others open the group when they hear that this node is a member.
    supervisor.tell().await;
    if proposal.members.len() > 1 {
        system.group.elect_soon().await;
    }
    // Go on as soon as this node leads; where another does, its controller makes the cluster.
    let end = Instant::now() + ALONE_PATIENCE;
    while system.group.leader().is_none() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    if system.group.leads() {
        placement::found(shared, keeper, &config.founding).await;
    }
    Ok(())
}

/// How long the first election may take, before the controller does the rest.
const ALONE_PATIENCE: Duration = Duration::from_millis(500);

/// Waits until the system state names this node, and asks for that where it must.
pub(crate) async fn become_member(
    config: &Config,
    router: &Router,
    keeper: &Keeper,
    entrance: &Entrance,
) -> Result<(), StartError> {
    let mut states = router.states.clone();
    let local = transport::NodeId(router.network.local);
    let mut asked = None;
    let began = Instant::now();
    loop {
        let state = Arc::clone(&states.borrow_and_update());
        let own = keeper.cluster();
        let mut is_member = false;
        if let Some(own) = own {
            router.board.set_cluster(own);
            is_member = state.members.contains_key(&local) && is_at_home(config, router, began);
            // After the look at who is there, so that nobody is counted who was not checked.
            check_name(&router.board, own)?;
        }
        check_version(&router.board)?;
        if let Some(other) = router.board.twin() {
            let node = router.network.local;
            return Err(StartError::Twice { node, other });
        }
        check_cluster_name(config, &state.name)?;
        check_semantics(config, &state)?;
        if let (Some(found), Some(own)) = (state.cluster, own)
            && found != own
        {
            return Err(BootstrapError::OtherCluster { found, own }.into());
        }
        if is_member {
            return Ok(());
        }
        say_what_is_missing(config, router, &state, entrance);
        let is_due = asked.is_none_or(|at: Instant| at.elapsed() > JOIN_AGAIN);
        if let Entrance::Join(cluster) = entrance
            && is_due
        {
            asked = Some(Instant::now());
            ask_to_join(config, router, *cluster).await?;
        }
        // Elapsed time is a reason to look again.
        let _ = tokio::time::timeout(MEMBER_PAUSE, states.changed()).await;
    }
}

/// Refuses to compute what scripts mean otherwise than the others.
fn check_semantics(config: &Config, state: &SystemState) -> Result<(), BootstrapError> {
    let own = config.founding.semantics;
    match state.cluster.is_none() || own.contains(state.semantics) {
        true => Ok(()),
        false => Err(BootstrapError::Semantics {
            cluster: state.semantics,
            own,
        }),
    }
}

fn say_what_is_missing(config: &Config, router: &Router, state: &SystemState, entrance: &Entrance) {
    let local = transport::NodeId(router.network.local);
    let what = match (entrance, router.system()) {
        (Entrance::Join(cluster), _) => {
            format!("it has asked the cluster {cluster} to take it in")
        }
        (_, Some(system)) if !system.group.is_initialised() => {
            "it has not heard from its cluster yet".to_owned()
        }
        (_, Some(_)) if state.cluster.is_some() && !state.members.contains_key(&local) => {
            "its cluster does not know it: it was removed; start it with an empty data folder to have it \
             join as a new node"
                .to_owned()
        }
        (_, Some(system)) => missing_voters(router, &system.group, state),
        (_, None) => "its system group is opened".to_owned(),
    };
    config.beginning.wait_for(what);
}

/// Refuses to take part under another name than that of the cluster whose data this is.
fn check_cluster_name(config: &Config, recorded: &str) -> Result<(), BootstrapError> {
    let given = config.cluster.as_str();
    match recorded.is_empty() || recorded == given {
        true => Ok(()),
        false => Err(BootstrapError::Name {
            given: given.to_owned(),
            recorded: recorded.to_owned(),
        }),
    }
}

/// Whether this node has met its cluster, and not only what its disk says of it: a leader that a
/// quorum follows. One that needs nobody else listens for a while, in case it is on a wrong bus.
fn is_at_home(config: &Config, router: &Router, began: Instant) -> bool {
    let Some(system) = router.system() else {
        return false;
    };
    let (voters, _) = system.group.members();
    let listened = began.elapsed() >= Duration::from_millis(config.cluster_limits.discovery_ms);
    match config.discovery {
        Discovery::Alone => true,
        Discovery::Expect(_) if voters.len() == 1 => listened,
        // What raft remembers of a leader is from before the stop; a report is from now.
        // And what it says of shards must be as new as that leader's.
        Discovery::Expect(_) if system.group.leads() => true,
        Discovery::Expect(_) => {
            let leaders = router.board.system_applied();
            leaders.is_some_and(|applied| system.group.applied() >= applied)
        }
    }
}

const JOIN_AGAIN: Duration = Duration::from_secs(2);
const MEMBER_PAUSE: Duration = Duration::from_millis(20);

/// Asks any member to have this node taken in. Silence is no refusal.
async fn ask_to_join(
    config: &Config,
    router: &Router,
    cluster: ClusterId,
) -> Result<(), StartError> {
    let member = Member {
        id: transport::NodeId(router.network.local),
        name: config.info.name.clone(),
        http: config.info.http.clone(),
        state: MemberState::Active,
        semantics: config.founding.semantics,
    };
    let request = Request::Join { member, cluster };
    let deadline = Duration::from_millis(config.cluster_limits.request_ms);
    for report in router.board.reports().iter().filter(|one| one.serving) {
        match remote::ask(&router.network, report.node, &request, deadline).await {
            Ok(Response::Joined) => return Ok(()),
            Ok(Response::Failed(ProposeError::Unavailable { reason }))
                if reason.starts_with(codes::SEMANTICS) =>
            {
                return Err(BootstrapError::Refused(reason).into());
            }
            Ok(Response::Failed(refusal @ ProposeError::Unavailable { .. })) => {
                tracing::warn!(%refusal, "the cluster does not take this node in yet");
            }
            Ok(Response::Member(other)) => {
                return Err(BootstrapError::OtherCluster {
                    found: other,
                    own: cluster,
                }
                .into());
            }
            other => tracing::debug!(?other, "a member did not answer"),
        }
    }
    Ok(())
}
