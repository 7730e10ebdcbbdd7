// Nodes with their pods as a picture: a square a pod, coloured by how it is. Where everything is, is known
// here; it is painted elsewhere (map/), in a worker where the browser can.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { canPaintAside } from '../map/aside';
import { Stage } from '../map/stage';
import { type MapGroup, MapPlaces, type Square } from '../model/mapplaces';
import { dark } from '../settings';
import { t } from '../texts';

interface Props {
  groups: MapGroup[];
}

export function PodMap({ groups }: Props) {
  const [isAside, setAside] = useState(canPaintAside);
  return <Picture key={isAside} groups={groups} onBroken={() => setAside(false)} />;
}

// Has what is in `places` painted, on two canvases as wide as what they are in.
function useStage(groups: MapGroup[], places: MapPlaces, onBroken: () => void) {
  const above = useRef<HTMLCanvasElement>(null);
  const below = useRef<HTMLCanvasElement>(null);
  const stage = useRef<Stage | null>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const canvases = { above: above.current!, below: below.current! };
    const box = above.current!.parentElement!;
    // As high as their pixels say; what is below all cards is not seen.
    const unveiled = (height: number) => {
      for (const each of [canvases.above, canvases.below]) each.style.height = 'auto';
      box.style.height = `${height}px`;
    };
    stage.current = new Stage(canvases, unveiled, onBroken);
    const measure = () => setWidth(box.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => {
      observer.disconnect();
      stage.current?.stop();
    };
  }, []);
  useLayoutEffect(() => {
    if (width <= 0) return;
    places.arrange(groups, width);
    stage.current!.show(groups, places.layout);
  }, [groups, width]);
  useEffect(() => stage.current?.look(), [dark.value, width]);
  return { above, below, stage, width };
}

// Beside its square, and not beyond the map.
function Tip({ square: { x, y, cell }, size, width }: { square: Square; size: number; width: number }) {
  return (
    <div class="tip" style={{ left: `${Math.min(x + 12, Math.max(0, width - 250))}px`, top: `${y + size + 8}px` }}>
      <strong>{cell.name}</strong>
      <span class={`badge tone-${cell.tone}`}><i class="dot" />{cell.word}</span>
    </div>
  );
}

function Picture({ groups, onBroken }: Props & { onBroken: () => void }) {
  const places = useMemo(() => new MapPlaces(), []);
  const { above, below, stage, width } = useStage(groups, places, onBroken);
  const selected = useRef('');
  const [tip, setTip] = useState<Square | null>(null);
  const pods = useMemo(() => groups.reduce((sum, each) => sum + each.cells.length, 0), [groups]);

  const choose = (square: Square | undefined) => {
    if (!square || (square.cell === tip?.cell && square.x === tip.x && square.y === tip.y)) return;
    selected.current = square.cell.key;
    stage.current!.choose(square.cell);
    setTip(square);
  };
  const leave = () => {
    selected.current = '';
    stage.current!.choose(undefined);
    setTip(null);
  };
  return (
    <div class="podmap">
      <div class="podmap-both">
        <canvas
          ref={above}
          tabIndex={0}
          role="application"
          aria-label={t.overview.mapLabel(pods, groups.length)}
          aria-describedby="podmap-help"
          onPointerMove={(event) => {
            const square = places.at(event.offsetX, event.offsetY);
            event.currentTarget.style.cursor = square ? 'pointer' : 'default';
            if (square) choose(square);
            else if (tip) leave();
          }}
          onPointerLeave={leave}
          onBlur={leave}
          onClick={(event) => {
            const square = places.at(event.offsetX, event.offsetY);
            if (square) location.hash = square.cell.href;
          }}
          onKeyDown={(event) => {
            if (event.key.startsWith('Arrow')) {
              event.preventDefault();
              choose(places.beside(selected.current, event.key));
            } else if (event.key === 'Enter' && tip) {
              location.hash = tip.cell.href;
            }
          }}
        />
        <canvas ref={below} class="podmap-rest" aria-hidden="true" />
      </div>
      <p id="podmap-help" class="hidden">{t.overview.mapHelp}</p>
      <div class="hidden" aria-live="polite">{tip ? `${tip.cell.name}, ${tip.cell.word}` : ''}</div>
      {tip && <Tip square={tip} size={places.layout.size} width={width} />}
    </div>
  );
}
